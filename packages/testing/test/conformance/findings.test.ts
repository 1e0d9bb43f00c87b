import { createTestProvider, findingsOf, runConformance } from '@bcl/testing'
import { expect, test } from 'vitest'
import { strictWith } from './faults/fault-tools.ts'
import { contract, endpoint } from './application.ts'
import { createRelyingParty, type Fault } from './faults/relying-party.ts'
import { createSwitchReceiver } from './switches/switch-receiver.ts'

const minute = 60_000

async function findings(fault: Fault) {
  const { provider, fetch, nextSecond } = await createRelyingParty(fault)
  return findingsOf(await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond }))
}

test('if an application ignores one kind of token, this is one finding', { timeout: minute }, async () => {
  const found = await findings({ receive: strictWith(({ sid }) => !sid) })
  expect(found).toMatchObject([
    { what: 'The application does not accept good tokens. This concerns tokens with sub and no sid.', grade: 'MUST' },
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
    'status: The application does not answer 400 to tokens and requests that it must refuse. This concerns the status 500.',
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
