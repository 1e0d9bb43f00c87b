import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { nextSecond } from '../../../examples/demo/src/clock.ts'
import { createDevice, type Device } from '../../../examples/demo/src/device.ts'
import { startRedis } from '../../../examples/demo/src/redis-server.ts'
import { type Application, startApplication } from './applications.ts'
import { type Expected, expectedCase } from './expected-case.ts'
import type { Case, CaseResult, Lab, Provider, RunningProvider, SignedIn, TokenForm } from './provider.ts'
import { type Delivery, type Recorder, startRecorder } from './recorder.ts'

const execute = promisify(execFile)
const cli = fileURLToPath(new URL('../../../packages/cli/dist/main.js', import.meta.url))

/** The result of the test with one provider. */
export interface Result {
  version: string
  /** The day of the run. */
  date: string
  examples: readonly string[]
  /** The first Logout Token, and the headers of its request. */
  header: Record<string, unknown>
  claims: Record<string, unknown>
  request: readonly string[]
  cases: readonly ({ name: string } & CaseResult)[]
  /** The other statements that the test checked. */
  statements: readonly string[]
  /** The version of the Redis server that had the sessions of the applications. */
  redis: string
}

/** Tests the examples with one provider. Throws an error at the first wrong answer. */
export async function runScenario(provider: Provider, examples: readonly string[]): Promise<Result> {
  const stops: (() => unknown)[] = []
  try {
    const redis = await startRedis()
    stops.push(redis.stop)
    const recorder = await startRecorder()
    stops.push(recorder.stop)
    const running = await provider.start()
    stops.push(running.stop)
    const common = { provider: running, recorder, redisUrl: redis.url }

    const applications: Application[] = []
    stops.push(() => Promise.all(applications.map((application) => application.stop())))
    for (const example of examples) {
      applications.push(await startApplication(example, { ...common, settings: [provider.settings] }))
    }
    const first = await checkSessions(provider, running, recorder, applications)
    await checkCommands(provider, running, applications, first)
    for (const { text, check } of running.statements ?? []) {
      await check().catch((cause: unknown) => {
        throw new Error(`${text} ${String(cause)}`, { cause })
      })
      console.log(`  ${text}`)
    }

    const shared: Application[] = []
    stops.push(() => Promise.all(shared.map((application) => application.stop())))
    const cases: ({ name: string } & CaseResult)[] = []
    for (const { name, run } of [
      ...(running.cases ?? []),
      ...deliveryCases(provider, running, String(decodeProtectedHeader(first.logoutToken).alg)),
    ]) {
      const lab = createLab({ ...common, settings: [provider.settings] }, shared)
      try {
        const seen = await run(lab)
        cases.push({ name, ...seen })
        console.log(`  ${name}: ${seen.tokens} Logout Tokens, still signed in: ${seen.signedIn}`)
      } catch (error) {
        throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      } finally {
        await lab.stop()
      }
    }
    return {
      version: running.version,
      date: new Date().toISOString().slice(0, 10),
      examples,
      ...decode(first),
      request: headersOf(first),
      cases,
      statements: (running.statements ?? []).map(({ text }) => text),
      redis: redisVersion(),
    }
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

/** Signs one user in on two devices. Ends one session, and then all sessions. Returns the first delivery. */
async function checkSessions(
  provider: Provider,
  running: RunningProvider,
  recorder: Recorder,
  applications: readonly Application[],
): Promise<Delivery> {
  const places = [...applications]
  for (const application of applications) places.push(await application.second())
  const [laptop, phone] = [createDevice('laptop'), createDevice('phone')]
  for (const device of [laptop, phone]) await signInEverywhere(running, device, applications, 'alice')
  await expectEverywhere(places, [laptop, phone], 200)
  const copy = createDevice('copy of the cookies', laptop.browser.copy())

  const one = await recorder.during(() => running.endSession(laptop.browser, applications[0]!.url), applications.length)
  expectAccepted(one, applications.length)
  await expectEverywhere(places, [laptop, copy], 401)
  await expectEverywhere(places, [phone], 200)

  // Waits, because a session that starts in the same second as a logout counts as logged out.
  await nextSecond()
  await signInEverywhere(running, laptop, applications, 'alice')
  await expectEverywhere(places, [laptop, phone], 200)
  const all = await recorder.during(
    () => running.endAllSessions('alice', [laptop.browser, phone.browser], applications[0]!.url),
    2 * applications.length,
  )
  expectAccepted(all, 2 * applications.length)
  expectForm(provider.form, all, applications.length)
  await expectEverywhere(places, [laptop, phone, copy], 401)
  return one[0]!
}

/** Checks that `bcl doctor` finds no problem, and that `bcl inspect` shows the settings of the documentation. */
async function checkCommands(
  provider: Provider,
  { issuer }: RunningProvider,
  applications: readonly Application[],
  { application, logoutToken }: Delivery,
): Promise<void> {
  const alg = String(decodeProtectedHeader(logoutToken).alg)
  for (const { clientId, endpoint } of applications) {
    const output = await bcl('doctor', `--alg=${alg}`, '--', issuer, clientId, endpoint)
    assert.ok(output.includes(provider.doctorWarning ?? ''), `bcl doctor: no warning has "${provider.doctorWarning}"`)
  }
  const { clientId } = applications.find(({ endpoint }) => endpoint.endsWith(`/${application}`))!
  const inspection = JSON.parse(
    await bcl('inspect', logoutToken, `--issuer=${issuer}`, `--client-id=${clientId}`, '--json'),
  ) as { signature: string; settings: object; findings: { settings?: object }[] }
  assert.equal(inspection.signature, 'good', 'bcl inspect: the signature')
  assert.deepEqual(inspection.settings, provider.settings, 'bcl inspect: the settings')
  assert.ok(
    inspection.findings.every(({ settings }) => settings !== undefined),
    'bcl inspect: each finding has a setting',
  )
}

/** Returns the output of the command. `inspect` exits with 1 if a token needs a setting. */
async function bcl(command: string, ...rest: string[]): Promise<string> {
  try {
    return (await execute(process.execPath, [cli, command, ...rest])).stdout
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    if (command === 'inspect' && code === 1) return stdout
    throw new Error(`bcl ${command} exited with ${code}: ${stdout}${stderr}`, { cause: error })
  }
}

/** Creates the functions for the cases. Shared applications are added to `shared`, and later cases use them again. */
function createLab(
  common: Parameters<typeof startApplication>[1],
  shared: Application[],
): Lab & { stop(): Promise<void> } {
  const own: Application[] = []
  return {
    async signedIn({ user = 'alice', settings = {}, configure, shared: isShared, answer } = {}) {
      const applications = isShared ? shared : own
      for (const example of ['hono', 'koa'].slice(applications.length)) {
        const options = { ...common, settings: [...common.settings, settings], configure }
        applications.push(await startApplication(example, options))
      }
      const [laptop, phone] = [createDevice('laptop'), createDevice('phone')] as const
      for (const device of [laptop, phone]) await signInEverywhere(common.provider, device, applications, user)
      await expectEverywhere(applications, [laptop, phone], 200)
      return {
        user,
        clientIds: applications.map(({ clientId }) => clientId),
        urls: applications.map(({ url }) => url),
        laptop: laptop.browser,
        phone: phone.browser,
        async after(action, count) {
          common.recorder.answerWith(answer)
          const deliveries = await common.recorder
            .during(action, count)
            .finally(() => common.recorder.answerWith(undefined))
          const signedIn: ('laptop' | 'phone')[] = []
          for (const [name, device] of Object.entries({ laptop, phone })) {
            const statuses = new Set<number>()
            for (const application of applications) statuses.add((await device.me(application)).status)
            // With a fixed answer, no application gets a Logout Token. But the application at which the user signed out
            // has ended its own session. So the statuses can differ.
            if (answer === undefined) assert.equal(statuses.size, 1, `the applications do not agree about the ${name}`)
            if (statuses.has(200)) signedIn.push(name as 'laptop' | 'phone')
          }
          return {
            tokens: deliveries.map((one) => ({ ...decode(one), status: one.status })),
            signedIn,
            followed: common.recorder.followed(),
          }
        },
      }
    },
    stop: async () => void (await Promise.all(own.map((application) => application.stop()))),
  }
}

async function signInEverywhere(
  running: RunningProvider,
  { browser }: Device,
  applications: readonly Application[],
  user: string,
): Promise<void> {
  for (const { url, example } of applications) {
    let page = await browser.get(`${url}/login`)
    for (let pages = 0; pages < 5 && new URL(page.url).origin !== url; pages++) {
      page = await running.answerPage(browser, page, user)
    }
    assert.equal(page.url, `${url}/`, `${user} could not sign in to ${example}: ${page.body.slice(0, 500)}`)
  }
}

async function expectEverywhere(
  places: readonly Application[],
  devices: readonly Device[],
  expected: number,
): Promise<void> {
  for (const device of devices) {
    for (const place of places) {
      const { status } = await device.me(place)
      assert.equal(status, expected, `/me of ${place.example} at ${place.url} answers the ${device.name} ${status}`)
    }
  }
}

function expectAccepted(deliveries: readonly Delivery[], count: number): void {
  assert.equal(deliveries.length, count, 'the number of Logout Tokens')
  for (const { application, status } of deliveries) assert.equal(status, 200, `the answer of ${application}`)
}

/** Checks the Logout Tokens of two sessions at the provider, with `clients` applications each. */
function expectForm(form: TokenForm, deliveries: readonly Delivery[], clients: number): void {
  const sids = new Set<unknown>()
  for (const delivery of deliveries) {
    const { header, claims } = decode(delivery)
    const { iat, exp, aud, sid } = claims as { iat: number; exp?: number; aud: unknown; sid?: string }
    assert.equal(header['typ'], form.typ, 'the typ')
    assert.equal(exp === undefined ? undefined : exp - iat, form.lifetime, 'the seconds between iat and exp')
    assert.equal(Array.isArray(aud) ? 'array' : typeof aud, form.audience, 'the type of aud')
    sids.add(sid)
  }
  assert.equal(sids.size, form.sidOf === 'session' ? 2 : 2 * clients, 'the number of different sids')
}

/**
 * Cases in which a session of two applications ends, but their endpoints do not accept the Logout Tokens. The provider must not
 * send a token twice.
 */
function deliveryCases({ followsRedirects }: Provider, running: RunningProvider, alg: string): Case[] {
  const act = ({ laptop, urls }: SignedIn) => running.endSession(laptop, urls[0]!)
  const common = { tokens: 2, signedIn: 'both', token: { alg }, act } as const
  const expectations: Expected[] = [
    { ...common, name: 'the endpoint answers 500', status: 500, prepare: { shared: true, answer: 500 } },
    {
      ...common,
      name: `the endpoint answers with a redirect, which the provider ${followsRedirects ? 'follows' : 'does not follow'}`,
      status: 307,
      followed: followsRedirects ? 2 : 0,
      prepare: { shared: true, answer: 307 },
    },
  ]
  return expectations.map((expected) => expectedCase(expected, 'alice'))
}

function redisVersion(): string {
  return /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))![1]!
}

const decode = ({ logoutToken }: Delivery) => ({
  header: decodeProtectedHeader(logoutToken) as Record<string, unknown>,
  claims: decodeJwt(logoutToken) as Record<string, unknown>,
})

/** Returns the request line and the headers, each on its own line. */
function headersOf({ httpVersion, rawHeaders }: Delivery): string[] {
  const lines = rawHeaders.flatMap((name, index) => (index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : []))
  return [`POST /backchannel-logout HTTP/${httpVersion}`, ...lines]
}
