import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { conformanceCases, sumUp, type ConformanceResult } from '@bcl/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { rulesThatDoNotFit } from '../../../../checks/conformance/src/grade-rules.ts'
import { peers, withSkips } from '../../../../checks/conformance/src/peers.ts'
import { bcl, start as startBcl } from '../bcl.ts'
import { serve } from '../serve.ts'
import { startApplication, type Application } from '../start-application.ts'

const examples = ['hono', 'koa', 'express', 'fastify', 'nestjs', 'nextjs'].filter((name) =>
  existsSync(new URL(`../../../../examples/${name}/package.json`, import.meta.url)),
)

const timeout = 240_000

async function certify({ endpoint, providerPort }: Application, ...args: string[]) {
  const { code, out } = await bcl(['conformance', endpoint, '--port', String(providerPort), '--json', ...args])
  const { results } = JSON.parse(out) as { results: ConformanceResult[] }
  return { code, results, failed: results.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id) }
}

/** Starts an application that stops after the test. */
async function start(folder: string): Promise<Application> {
  const application = await startApplication(folder)
  onTestFinished(() => application.stop())
  return application
}

test.each(examples)('examples/%s passes all cases', { timeout }, async (example) => {
  const { code, results } = await certify(await start(`examples/${example}`))
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
  expect(results).toHaveLength(conformanceCases.length)
  expect(code).toBe(0)
})

test('an application with the keys of an earlier run passes again', { timeout }, async () => {
  const application = await start('examples/hono')
  const only = ['--only', 'oidcc,accept/a-key-published-just-now']
  for (const run of ['first', 'second']) {
    const { results } = await certify(application, ...only)
    expect(
      results.filter(({ outcome }) => outcome !== 'passed'),
      run,
    ).toEqual([])
  }
})

test('signs in with a command', { timeout }, async () => {
  const application = await start('examples/hono')
  const script = fileURLToPath(new URL('../sign-in.ts', import.meta.url))
  const { results, code } = await certify(
    application,
    '--only',
    'accept/sub-and-sid,session/a-sid-ends-no-other-session',
    '--sign-in',
    `${process.execPath} ${script}`,
  )
  expect(results.map(({ outcome }) => outcome)).toEqual(['passed', 'passed'])
  expect(code).toBe(0)
})

describe('with --cookie', () => {
  /** Signs in with `bcl provider`, which ends before the cases run. Returns the options for this session. */
  async function signIn({ endpoint, origin, providerPort }: Application): Promise<string[]> {
    const provider = startBcl(['provider', endpoint, '--port', String(providerPort)])
    await once(provider.stdout, 'data')
    const issuer = `http://127.0.0.1:${providerPort}`
    const cookies = new Map<string, string>()
    const visit = async (url: string, init: RequestInit = {}): Promise<string> => {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const response = await fetch(url, { ...init, headers: { ...init.headers, cookie }, redirect: 'manual' })
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line)!
        cookies.set(name, value)
      }
      return response.headers.get('location') ?? response.text()
    }
    const authorize = await visit(`${origin}/login`)
    const form = new URLSearchParams({ sub: 'alice', return: authorize })
    await visit(`${issuer}/bcl/sign-in`, { method: 'POST', headers: { origin: issuer }, body: form })
    await visit(await visit(authorize))
    const { sub, sid } = JSON.parse(await visit(`${origin}/me`)) as { sub: string; sid: string }
    provider.kill('SIGTERM')
    await once(provider, 'close')
    const options = [...cookies].flatMap(([name, value]) => ['--cookie', `${name}=${value}`])
    return [...options, '--sub', sub, '--sid', sid]
  }

  test('checks one session that exists already', { timeout }, async () => {
    const application = await start('examples/hono')
    const { code, results } = await certify(application, ...(await signIn(application)))
    const passed = results.filter(({ outcome }) => outcome === 'passed')
    const others = results.filter(({ outcome }) => outcome !== 'passed')
    expect(new Set(others.map(({ group, outcome }) => `${group} ${outcome}`))).toEqual(new Set(['session skipped']))
    expect(passed.find(({ id }) => id === 'accept/sub-and-sid')).toMatchObject({
      wants: '200; and the session has ended',
    })
    expect(code).toBe(0)
  })

  test('needs the user, a live session and no sign-in', { timeout }, async () => {
    const { endpoint, providerPort } = await start('examples/hono')
    const args = ['conformance', endpoint, '--port', String(providerPort), '--cookie', 'session=other']
    const withoutUser = await bcl(args)
    expect(withoutUser.err).toMatch(/^The session of --cookie needs a user\.\nPass the sub of its ID Token with --sub/)
    const ended = await bcl([...args, '--sub', 'alice'])
    expect(ended.err).toMatch(/^Nobody is signed in: .*\/me does not answer 200 with the cookies\.\nCopy the cookies/)
    const both = await bcl([...args, '--sub', 'alice', '--login', endpoint])
    expect(both.err).toContain("Option '--cookie <name=value>' cannot be used with option '--login <url>'")
    expect([withoutUser.code, ended.code, both.code]).toEqual([2, 2, 2])
  })
})

test('docs/conformance.md explains the grade of each case once', () => {
  expect(rulesThatDoNotFit(conformanceCases)).toEqual([])
})

describe('express-openid-connect', () => {
  const folder = 'packages/cli/test/express-openid-connect'

  test('fails the cases that docs/conformance.md lists', { timeout }, async () => {
    const reports = await mkdtemp(join(tmpdir(), 'bcl-'))
    onTestFinished(() => rm(reports, { recursive: true }))
    const [junit, html] = [join(reports, 'results.xml'), join(reports, 'results.html')]
    const { code, results, failed } = await certify(await start(folder), '--junit', junit, '--html', html)
    expect(code).toBe(1)
    const page = await readFile(new URL('../../../../docs/conformance.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| (.*) \|$/gm)].map(([, row]) => row!.split(/ +\| +/).map((cell) => cell.trim()))
    const shown = withSkips(
      peers.find(({ name }) => name === 'express-openid-connect')!,
      results,
    )
    const sums = Object.values(sumUp(shown))
    const all = sums.map(({ passed, failed: not, skipped }) => passed + not + skipped)
    for (const name of examples)
      expect(rows).toContainEqual([`examples/${name}`, ...all.map((count) => `${count} of ${count}`)])
    const counts = sums.map(({ passed, failed: not }) => `${passed} of ${passed + not}`)
    expect(rows).toContainEqual(['express-openid-connect', ...counts])
    const section = /^### express-openid-connect$([^]*?)^##/m.exec(page)![1]!
    const listed = [...section.matchAll(/`((?:[a-z]+\/|oidcc)[^`]+)`/g)].map(([, id]) => id!)
    expect(listed.sort()).toEqual(shown.flatMap(({ id, outcome }) => (outcome === 'passed' ? [] : [id])).sort())

    const failures = results.filter(({ outcome, grade }) => outcome === 'failed' && grade === 'MUST')
    const others = results.filter(({ outcome }) => outcome !== 'passed').length - failures.length
    const xml = await readFile(junit, 'utf8')
    expect(xml).toContain(`tests="${results.length}" failures="${failures.length}" skipped="${others}"`)
    expect(xml.match(/<failure /g)).toHaveLength(failures.length)
    expect(xml.match(/<property name="outcome" value="failed"/g)).toHaveLength(failed.length)
    const report = await readFile(html, 'utf8')
    expect(report.match(/<td class="failed">failed/g)).toHaveLength(failed.length)
    expect(report).not.toMatch(/<script|<link|src=/)
  })

  test('gets a text report, and passes with --accept-204', { timeout }, async () => {
    const { endpoint, providerPort } = await start(folder)
    const args = ['conformance', endpoint, '--port', String(providerPort), '--only', 'answer/success-is-200']
    const strict = await bcl(args)
    expect(strict.code).toBe(1)
    expect(strict.out).toContain(`ISSUER=http://127.0.0.1:${providerPort}\nCLIENT_ID=bcl-client\n`)
    expect(strict.out).toMatch(/^✗ MUST +answers a successful logout with 200, .*\n +answered 204$/m)
    expect(strict.out).toContain('The endpoint breaks a standard: 1 of 1 MUST cases failed.')
    expect(strict.err).toBe('')
    expect(strict.out).toMatch(/wanted 200 exactly\n {2}why {4}BCL.*\n {2}MUST +answer\/success-is-200: answered 204/)
    expect(strict.out).toMatch(/^MUST +0 +1 +0$/m)
    // oxlint-disable-next-line no-control-regex -- a pipe must get no colours
    expect(strict.out).not.toMatch(/\u001b/)
    const lenient = await bcl([...args, '--accept-204'])
    expect(lenient.code).toBe(0)
    const foundation = await bcl([...args.slice(0, 4), '--only', 'oidcc', '--accept-204'])
    expect(foundation.out).toContain('The endpoint passed all 8 MUST cases.')
  })
})

test('if the endpoint fails for a valid token, stops and writes only the cause', { timeout }, async () => {
  const url = await serve((_, response) => void response.writeHead(500).end())
  const args = ['conformance', `${url}/logout`, '--port', '0', '--wait', '0.1', '--no-sign-in']
  const { code, out, err } = await bcl(args)
  expect(err).toMatch(/^The endpoint answers a valid token with 500\.\nRead the log/)
  expect(code).toBe(2)
  expect(out.split('\n').length).toBeLessThan(30)
})

test('a client that requires a sid gets no token without a sid', { timeout }, async () => {
  const url = await serve((_, response) => void response.writeHead(400).end())
  const args = ['conformance', `${url}/logout`, '--port', '0', '--wait', '0.1', '--no-sign-in']
  const only = ['--only', 'accept/sub-alone,accept/sid-alone,accept/aud-as-a-list']
  const strict = await bcl([...args, ...only])
  expect(strict.out).toContain('backchannel_logout_session_required  false\n')
  expect(strict.out).toMatch(/^MUST +0 +3 +0$/m)
  // The report names the rule only once.
  expect(strict.out.match(/Core 2: aud is a list/g)).toHaveLength(1)
  const lenient = await bcl([...args, ...only, '--require-sid'])
  expect(lenient.out).toContain('backchannel_logout_session_required  true\n')
  expect(lenient.out).toMatch(/^MUST +0 +2 +1$/m)
})

test('stops if the start page of the sign-in is an error', { timeout }, async () => {
  const url = await serve((_, response) => void response.writeHead(500).end())
  const { code, err } = await bcl(['conformance', `${url}/logout`, '--port', '0', '--wait', '0.1'])
  expect(err).toMatch(/\/login answers 500, so nobody can sign in\./)
  expect(code).toBe(2)
})

describe('an application without a working sign-in', () => {
  test('causes an error if all selected cases need a sign-in', { timeout }, async () => {
    const url = await serve((_, response) => void response.writeHead(404).end())
    const { code, err } = await bcl(['conformance', `${url}/x`, '--port', '0', '--wait', '0.1', '--only', 'session'])
    expect(err).toMatch(/^All selected cases need a sign-in, and there is none\.\nPass/)
    expect(code).toBe(2)
  })

  test('causes an error if the addresses were given', { timeout }, async () => {
    const { endpoint, providerPort } = await start('examples/hono')
    const args = ['conformance', endpoint, '--port', String(providerPort), '--only', 'answer/success-is-200']
    const healthz = new URL('/healthz', endpoint).href
    const { code, err } = await bcl([...args, '--me', healthz])
    expect(err).toBe(
      `Nobody can sign in: ${healthz} answers 200 to a browser that is not signed in.\nCheck that your application uses the ` +
        'settings above. Pass its addresses with --login and --me, or pass --no-sign-in.\n',
    )
    expect(code).toBe(2)
  })

  test('is checked without its sessions if no addresses were given', { timeout }, async () => {
    const url = await serve((request, response) => {
      response.writeHead(request.method === 'POST' ? 400 : 404, { 'cache-control': 'no-store' }).end()
    })
    const args = [
      'conformance',
      `${url}/logout`,
      '--port',
      '0',
      '--wait',
      '0.1',
      '--only',
      'request/an-empty-body,session',
    ]
    const withoutAddresses = await bcl(args)
    expect(withoutAddresses.out).toContain(
      `${url}/login does not lead to a sign-in (answered 404, no redirect). The cases about`,
    )
    expect(withoutAddresses.out).toMatch(/^MUST +1 +0 +\d+$/m)
    expect(withoutAddresses.out).toMatch(/Skipped: \d+, because no sign-in addresses were given\./)
    expect(withoutAddresses.code).toBe(0)
    const withoutSignIn = await bcl([...args, '--no-sign-in', '--json'])
    expect(withoutSignIn.err).not.toContain('does not lead')
    const { results } = JSON.parse(withoutSignIn.out) as { results: ConformanceResult[] }
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['passed', 'skipped']))
  })
})
