import { createTestProvider, findingsOf, runConformance } from '@bcl/testing'
import { expect, test } from 'vitest'
import { blindTo, omit, strictWith } from './faults/fault-tools.ts'
import { contract, endpoint } from './application.ts'
import { createRelyingParty, type Fault } from './faults/relying-party.ts'
import { switches } from './switches/checks.ts'
import { createSwitchReceiver } from './switches/switch-receiver.ts'

const minute = 60_000

async function findings(fault: Fault) {
  const { provider, fetch, nextSecond } = await createRelyingParty(fault)
  return findingsOf(await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond }))
}

test('if an application ignores one kind of token, this is one finding', { timeout: minute }, async () => {
  const found = await findings({ receive: strictWith(({ sid }) => !sid) })
  expect(found).toMatchObject([
    {
      what: 'The application does not accept valid tokens or requests. This concerns tokens with sub and no sid.',
      grade: 'MUST',
    },
    {
      what: 'The application refuses tokens or requests that other applications accept. No standard requires an application to accept them. This concerns tokens with sub and a sid that is null.',
      grade: 'interoperability',
    },
  ])
  expect(found[0]!.results.map(({ id }) => id)).toContain('session/a-sub-ends-all-sessions-of-the-user')
  expect(found[0]!.results.length).toBeGreaterThan(3)
})

test('if an application answers with one wrong status, this is one finding', { timeout: minute }, async () => {
  const found = await findings({
    answer: (response, code) =>
      code?.startsWith('ERR_LOGOUT_TOKEN') ? new Response(null, { status: 500, headers: response.headers }) : response,
  })
  expect(found.map(({ fault, what }) => `${fault}: ${what}`)).toEqual([
    'status: The application does not answer 400 to wrong tokens or requests. This concerns the status 500.',
  ])
})

test('a wrongly accepted token is listed before a wrong status', { timeout: minute }, async () => {
  let time = 1_800_000_000
  const provider = await createTestProvider({ now: () => time })
  const receiver = createSwitchReceiver(provider, { off: ['typ-null', 'an-empty-typ', 'a-nonce'] })
  const results = await runConformance(
    async (url, init) => {
      const response = await receiver(url, init)
      const isRefused = url === endpoint && response.status === 400
      return isRefused ? new Response(null, { status: 401, headers: { 'cache-control': 'no-store' } }) : response
    },
    { provider, endpoint, signIn: contract, nextSecond: async () => void (time += 1), only: ['refuse'] },
  )
  const found = findingsOf(results)
  expect(found.map(({ fault, grade }) => [fault, grade])).toEqual([
    ['accepted', 'MUST'],
    ['accepted', 'hardening'],
    ['status', 'MUST'],
  ])
  expect(found[1]!.results.map(({ id }) => id)).toEqual(['refuse/an-empty-typ', 'refuse/typ-null'])
})

test('a finding says "must" only about cases with the grade MUST', { timeout: minute }, async () => {
  let time = 1_800_000_000
  const provider = await createTestProvider({ now: () => time })
  const receiver = createSwitchReceiver(provider, { off: switches })
  const nextSecond = async (): Promise<void> => void (time += 1)
  const results = await runConformance(receiver, { provider, endpoint, signIn: contract, nextSecond, only: ['refuse'] })
  const found = findingsOf(results).filter(({ fault }) => fault === 'accepted')
  expect(found.length).toBeGreaterThan(20)
  for (const { what, results: cases } of found) {
    const areMust = new Set(cases.map(({ grade }) => grade === 'MUST'))
    expect([...areMust], what).toEqual([what.includes('must refuse.')])
  }
})

test('failed cases about one rule are one finding', { timeout: minute }, async () => {
  const found = await findings({
    receive: blindTo(
      (claims) => 'nonce' in claims,
      (claims) => omit(claims, 'nonce'),
    ),
  })
  expect(found.map(({ what, results: cases }) => [what, cases.map(({ id }) => id)])).toEqual([
    [
      'The application accepts tokens or requests that it must refuse. The rule: BCL 2.6, step 7: the token does not contain a nonce. A nonce whose value is null is still a nonce.',
      [
        'oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce',
        'refuse/a-nonce',
        'refuse/nonce-null',
        'refuse/an-empty-nonce',
      ],
    ],
  ])
})

test('failed cases about different rules are different findings', { timeout: minute }, async () => {
  const found = await findings({ receive: strictWith(({ azp, events }) => azp ?? Object.keys(events ?? {})[1]) })
  expect(found.map(({ what }) => what)).toEqual([
    expect.stringMatching(/No standard requires .*Background: .*steps 4 and 5/),
    expect.stringMatching(/No standard requires .*Background: .*step 6/),
    expect.stringMatching(/No standard requires .*Background: BCL 2.4 allows this form. Keycloak/),
    expect.stringMatching(/No standard requires .*This concerns tokens with sub and no sid\.$/),
  ])
})

test('the answer 204 is one finding', { timeout: minute }, async () => {
  const found = await findings({
    answer: (response) =>
      response.status === 200 ? new Response(null, { status: 204, headers: response.headers }) : response,
  })
  expect(found.map(({ what, results: cases }) => [what, cases.length])).toEqual([
    [
      'The application fails this case: answers a successful logout with 200, not with another 2xx. This concerns the status 204.',
      2,
    ],
  ])
})

test('clocks that disagree a little are a neutral finding', { timeout: minute }, async () => {
  const found = await findings({ receive: strictWith(({ iat, nbf }, { now }) => iat > now() || nbf > now()) })
  expect(found.map(({ what, grade, results: cases }) => [what, grade, cases.map(({ id }) => id)])).toEqual([
    [
      'The application refuses tokens or requests that other applications accept. No standard requires an application to accept them. Background: No standard says that the clocks of the provider and the application agree. RFC 7519, 4.1.4 and 4.1.5: a leeway is allowed, and none is required.',
      'interoperability',
      ['accept/clocks-ten-seconds-apart', 'accept/not-before-ten-seconds-from-now'],
    ],
  ])
})

test('without a sign-in, no result says that a session has ended', async () => {
  const { provider, fetch } = await createRelyingParty()
  const results = await runConformance(fetch, { provider, endpoint, only: ['accept', 'oidcc', 'refuse', 'request'] })
  expect(results.filter(({ wants }) => wants.includes('session'))).toEqual([])
})

test('the test browser sends the headers of a navigation', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const modes = new Set<string>()
  await runConformance(
    (url, init) => {
      const { headers } = new Request(url, init)
      if (url !== endpoint)
        modes.add(['mode', 'dest', 'site'].map((name) => headers.get(`sec-fetch-${name}`)).join(' '))
      else modes.add(`endpoint: ${headers.get('sec-fetch-mode')}`)
      return fetch(url, init)
    },
    { provider, endpoint, signIn: contract, nextSecond, only: ['accept/sub-and-sid'] },
  )
  expect([...modes].sort()).toEqual(['endpoint: null', 'navigate document none'])
})
