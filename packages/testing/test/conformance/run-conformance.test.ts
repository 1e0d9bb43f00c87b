import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import {
  conformanceCases,
  createBrowser,
  createTestProvider,
  EndpointError,
  runConformance,
  SignInError,
  sumUp,
  type FetchLike,
} from '@bcl/testing'
import { expect, test } from 'vitest'
import { answerFaults } from './faults/answer-faults.ts'
import { claimFaults } from './faults/claim-faults.ts'
import { isListed } from './faults/find-faults.ts'
import { contract, endpoint } from './application.ts'
import { createRelyingParty } from './faults/relying-party.ts'
import { requestFaults } from './faults/request-faults.ts'
import { sessionFaults } from './faults/session-faults.ts'
import { signatureFaults } from './faults/signature-faults.ts'
import { switches } from './switches/checks.ts'

test('an application without a fault passes all cases', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond })
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
  expect(results).toHaveLength(conformanceCases.length)
})

test('cases wait for the next second together, so a run waits four times at most', async () => {
  const waitsOf = async (only?: string[]): Promise<number> => {
    const { provider, fetch, nextSecond } = await createRelyingParty()
    let waits = 0
    const count = (): Promise<void> => ((waits += 1), nextSecond())
    await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond: count, only })
    return waits
  }
  expect(await waitsOf(['answer/allow'])).toBe(1)
  // The longest case has four steps.
  expect(await waitsOf(['session'])).toBe(3)
  // The cases about refused tokens are a batch of their own.
  expect(await waitsOf()).toBe(4)
})

test('an endpoint without a sign-in passes all cases that need no sign-in', async () => {
  const provider = await createTestProvider()
  const logout = createBackchannelLogout({ issuers: [provider.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
  const results = await runConformance((url, init) => logout.handle(new Request(url, init)), { provider, endpoint })
  expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([])
  const skipped = results.filter(({ outcome }) => outcome === 'skipped').map(({ group }) => group)
  expect(new Set(skipped)).toEqual(new Set(['accept', 'session']))
  expect(sumUp(results).MUST.failed).toBe(0)
})

test.each(['nothing', ''])('a name in `only` that matches no case is an error: "%s"', async (name) => {
  const { provider, fetch } = await createRelyingParty()
  const run = runConformance(fetch, { provider, endpoint, only: ['answer', name] })
  await expect(run).rejects.toThrow(new RangeError(`no conformance case is named "${name}"`))
})

test.each([
  [
    'login does not exist',
    { ...contract, login: 'https://app.example.com/nowhere' },
    /answered 404, and nobody is signed in/,
  ],
  ['me does not exist', { ...contract, me: 'https://app.example.com/nowhere' }, /nowhere answered 404/],
  [
    'me lets everybody in',
    { ...contract, me: contract.login.replace('login', 'open') },
    /answers 200 to a browser that/,
  ],
])('a broken sign-in is an error and does not skip cases: %s', async (_, signIn, message) => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const open: FetchLike = (url, init) => (url.endsWith('/open') ? new Response() : fetch(url, init))
  const run = runConformance(open, { provider, endpoint, signIn, nextSecond })
  await expect(run).rejects.toThrow(/^nobody can sign in: /)
  await expect(run).rejects.toThrow(message)
})

test('an application that still has the keys of another provider gets `patience` seconds', async () => {
  let failuresLeft = 2
  const { provider, fetch, nextSecond } = await createRelyingParty({
    onLogin() {
      if (failuresLeft > 0) throw new Error(`no key, ${failuresLeft}`)
      failuresLeft -= 1
    },
  })
  const options = { provider, endpoint, signIn: contract, nextSecond, only: ['answer/allow'] }
  let waits = 0
  const onWait = (): void => void (waits += 1)
  await expect(runConformance(fetch, { ...options, onWait })).rejects.toThrow(SignInError)
  expect(waits).toBe(0)

  failuresLeft = 2
  const patient = runConformance(fetch, { ...options, patience: 60, onWait: () => ((waits += 1), (failuresLeft = 0)) })
  expect(await patient).toMatchObject([{ outcome: 'passed' }])
  expect(waits).toBe(1)
})

test('does not wait if a sign-in fails before the application gets an ID Token', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const signIn = { ...contract, login: 'https://app.example.com/nowhere' }
  let waits = 0
  const run = runConformance(fetch, {
    provider,
    endpoint,
    signIn,
    nextSecond,
    patience: 60,
    onWait: () => (waits += 1),
  })
  await expect(run).rejects.toThrow(SignInError)
  expect(waits).toBe(0)
})

test.each([
  ['fails', async () => new Response(null, { status: 500 }), /^the endpoint answers a valid token with 500$/],
  [
    'hangs',
    (_: Request, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    /does not answer a valid token: .*no answer within 0\.1 s/,
  ],
])('stops at once if the endpoint %s for a valid token', async (_, receive, message) => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const broken: FetchLike = (url, init) =>
    url === endpoint ? receive(new Request(url, init), init.signal!) : fetch(url, init)
  const results: unknown[] = []
  const run = runConformance(broken, {
    provider,
    endpoint,
    signIn: contract,
    nextSecond,
    timeout: 0.1,
    onResult: (result) => results.push(result),
  })
  await expect(run).rejects.toThrow(EndpointError)
  await expect(run).rejects.toThrow(message)
  expect(results).toEqual([])
})

test('signs in by a function that returns cookies', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const run = async (login: string): Promise<string[]> => {
    const browser = createBrowser(fetch, provider)
    await browser.visit(login)
    return browser.cookiesFor(contract.me)
  }
  const signIn = { ...contract, run }
  const results = await runConformance(fetch, { provider, endpoint, signIn, nextSecond, only: ['session'] })
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
})

test('calls onProgress before each step, and onResult with each result', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const calls: string[] = []
  await runConformance(fetch, {
    provider,
    endpoint,
    signIn: contract,
    nextSecond,
    only: ['answer/allow', 'answer/in-time'],
    onProgress: ({ id }) => calls.push(id),
    onResult: ({ id, outcome }) => calls.push(`${id} ${outcome}`),
  })
  expect(calls).toEqual([
    'answer/allow',
    'answer/in-time',
    'answer/allow',
    'answer/allow passed',
    'answer/in-time',
    'answer/in-time passed',
  ])
})

test('each case finds at least one special fault', () => {
  const {
    'redirects every request to a login': _login,
    'redirects to a page instead of refusing': _page,
    ...otherAnswerFaults
  } = answerFaults
  const faults = { ...otherAnswerFaults, ...requestFaults, ...signatureFaults, ...claimFaults, ...sessionFaults }
  // For each of these cases, switches/switch-receiver.test.ts has a receiver with a fault.
  const switched = switches.map((name) => `refuse/${name}`)
  const failing = [...switched, ...Object.values(faults).flatMap((one) => one.failing)]
  expect(conformanceCases.map(({ id }) => id).filter((id) => !isListed(failing, id))).toEqual([
    // Only the two faults that are left out above make this case fail.
    'answer/no-redirect',
    // Another test, in cases/answer.test.ts, covers this case.
    'answer/in-time',
  ])
})

test('a client that requires a sid gets no valid token without a sid', async () => {
  const outcomes = async (requireSid: boolean): Promise<Record<string, string>> => {
    const { provider, fetch, nextSecond } = await createRelyingParty({ requireSid: true })
    const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond, requireSid })
    return Object.fromEntries(results.flatMap(({ id, outcome }) => (outcome === 'passed' ? [] : [[id, outcome]])))
  }
  const namesOnlyTheUser = [
    'accept/sub-alone',
    'accept/sid-null-beside-a-sub',
    'provider/rauthy-sub',
    'provider/django-oauth-toolkit',
    'session/a-sub-ends-all-sessions-of-the-user',
  ]
  const buildsOnIt = [
    'session/a-sub-ends-the-sessions-of-nobody-else',
    'session/a-sub-is-no-sid',
    'session/a-user-can-sign-in-again-after-a-logout-of-all-sessions',
  ]
  const all = (ids: readonly string[], outcome: string) => Object.fromEntries(ids.map((id) => [id, outcome]))
  expect(await outcomes(true)).toEqual(all([...namesOnlyTheUser, ...buildsOnIt], 'skipped'))
  expect(await outcomes(false)).toEqual({ ...all(namesOnlyTheUser, 'failed'), ...all(buildsOnIt, 'skipped') })
})
