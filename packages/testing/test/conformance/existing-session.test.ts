import {
  conformanceCases,
  createBrowser,
  runConformance,
  SignInError,
  type ConformanceOptions,
  type FetchLike,
} from '@bcl/testing'
import { expect, test } from 'vitest'
import { contract, endpoint } from './application.ts'
import { claimFaults } from './faults/claim-faults.ts'
import { createRelyingParty, type Fault } from './faults/relying-party.ts'

const { me, login } = contract
const ends = 'accept/sub-and-sid'
const seen = conformanceCases.filter(
  ({ id, wantsOfSession }) => wantsOfSession === 'the session is live' || id === ends,
)

/** Signs in before the run. Then runs the cases with the cookies of that session. */
async function runWithSession(fault: Fault = {}, change: object = {}, options: Partial<ConformanceOptions> = {}) {
  const { provider, fetch, nextSecond } = await createRelyingParty(fault)
  const [sub, sid] = ['alice', 'session-1']
  const browser = createBrowser(fetch, provider)
  browser.setCookie(`${provider.createSession({ sub, sid })}; Path=/`, provider.op.issuer)
  await browser.visit(login)
  const session = { me, cookies: browser.cookiesFor(me), sub, sid, ...change }
  const open: FetchLike = (url, init) => (url.endsWith('/open') ? new Response() : fetch(url, init))
  const results = await runConformance(open, { provider, endpoint, session, nextSecond, ...options })
  return { results, isLive: (await browser.look(me)) === 200 }
}

test('with an existing session, each case without a new sign-in passes', async () => {
  const { results, isLive } = await runWithSession()
  expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([])
  expect(results.map(({ id }) => id)).toEqual(conformanceCases.map(({ id }) => id))
  const skipped = results.filter(({ outcome }) => outcome === 'skipped')
  expect(new Set(skipped.map(({ got }) => got))).toEqual(
    new Set(['this case needs new sign-ins, and only an existing session was given']),
  )
  expect(new Set(skipped.map(({ group }) => group))).toEqual(new Set(['session']))
  expect(isLive).toBe(false)
  // The result of each case says whether the case observes the session.
  const looking = results.filter(({ wants }) => /; and the session (?:is live|has ended)$/.test(wants))
  expect(looking.map(({ id }) => id)).toEqual(seen.map(({ id }) => id))
  expect(looking.length).toBeGreaterThan(100)
})

test('if a wrong token ends the existing session, its case fails, and the later cases are skipped', async () => {
  const { fault } = claimFaults['accepts a nonce']!
  const { results } = await runWithSession(fault(), {}, { only: ['oidcc', 'refuse', ends] })
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  expect(failed).toMatchObject([
    { id: 'oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce', got: 'answered 200, and the session has ended' },
  ])
  const after = results.find(({ id }) => id === 'refuse/a-nonce')
  expect(after).toMatchObject({ outcome: 'skipped', got: 'the existing session has ended' })
  expect(results.find(({ id }) => id === ends)).toMatchObject({ outcome: 'skipped' })
})

test('fails if a valid token does not end the existing session', async () => {
  const { results, isLive } = await runWithSession({}, { sid: 'session-2', sub: 'bob' }, { only: [ends, 'answer'] })
  expect(results.filter(({ outcome }) => outcome === 'failed')).toMatchObject([
    { id: ends, got: 'the session is still live' },
  ])
  expect(isLive).toBe(true)
})

test('an existing session without a known sid ends by a token for its user', async () => {
  const { results, isLive } = await runWithSession({}, { sid: undefined }, { only: [ends, 'refuse/a-nonce'] })
  expect(results.map(({ outcome }) => outcome)).toEqual(['passed', 'passed'])
  expect(isLive).toBe(false)
})

test('the existing session stays alive if no selected case ends it', async () => {
  const { isLive } = await runWithSession({}, {}, { only: ['refuse', 'answer', 'provider'] })
  expect(isLive).toBe(true)
})

test.each([
  ['the cookies belong to no session', { cookies: ['session=other'] }, /\/me does not answer 200 with the cookies$/],
  ['me lets everybody in', { me: login.replace('login', 'open') }, /answers 200 to a browser that is not signed in/],
])('it is an error if %s', async (_, change, message) => {
  const run = runWithSession({}, change)
  await expect(run).rejects.toThrow(SignInError)
  await expect(run).rejects.toThrow(message)
})

test('an existing session together with a sign-in is an error', async () => {
  const run = runWithSession({}, {}, { signIn: contract })
  await expect(run).rejects.toThrow(TypeError)
})
