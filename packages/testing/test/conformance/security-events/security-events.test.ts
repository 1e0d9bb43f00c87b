import {
  createBrowser,
  createTestProvider,
  createTestTransmitter,
  runConformance,
  securityEventConformanceCases,
  selectConformanceCases,
  type ConformanceResult,
} from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { contract, endpoint, sharedKeys } from '../application.ts'
import { createSetReceiver, type SetFaults } from './set-receiver.ts'

async function certify(faults: SetFaults = {}, options: object = { signIn: contract }): Promise<ConformanceResult[]> {
  let time = 1_800_000_000
  const now = () => time
  const provider = await createTestProvider({ ...sharedKeys, now })
  const { issuer, key } = provider.op
  const transmitter = await createTestTransmitter({ issuer, key, now })
  return runConformance(createSetReceiver(provider, transmitter.audience, faults), {
    provider,
    endpoint,
    securityEvents: { transmitter, authorization: 'Bearer secret' },
    nextSecond: async () => void (time += 1),
    ...options,
  })
}

const idsOf = (results: readonly ConformanceResult[], outcome: ConformanceResult['outcome']): string[] =>
  results.filter((result) => result.outcome === outcome).map(({ id }) => id.replace(/^ssf\/(?:session\/)?/, ''))

test('a right receiver passes all cases', async () => {
  const results = await certify()
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
  expect(results.map(({ id }) => id)).toEqual(securityEventConformanceCases.map(({ id }) => id))
})

test('without a sign-in, the cases about sessions are skipped', async () => {
  const results = await certify({}, {})
  expect(idsOf(results, 'failed')).toEqual([])
  const sessions = securityEventConformanceCases.filter(({ group }) => group === 'session')
  expect(results.filter(({ outcome }) => outcome === 'skipped').map(({ id }) => id)).toEqual(
    sessions.map(({ id }) => id),
  )
})

test.each<[string, SetFaults, string]>([
  ['passes the cases about wrong tokens', {}, 'passed'],
  ['fails if a wrong token ends this session', { endsFirst: true }, 'failed'],
])('with a session that exists already, a receiver %s', async (_, faults, outcome) => {
  const provider = await createTestProvider({ ...sharedKeys, now: () => 1_800_000_000 })
  const { issuer, key } = provider.op
  const transmitter = await createTestTransmitter({ issuer, key, now: () => 1_800_000_000 })
  const fetch = createSetReceiver(provider, transmitter.audience, faults)
  const user = { sub: 'alice', sid: 'session-1' }
  const browser = createBrowser(fetch, provider)
  browser.setCookie(`${provider.createSession(user)}; Path=/`, issuer)
  await browser.visit(contract.login)
  const results = await runConformance(fetch, {
    provider,
    endpoint,
    securityEvents: { transmitter, authorization: 'Bearer secret' },
    session: { me: contract.me, cookies: browser.cookiesFor(contract.me), ...user },
    only: ['ssf/wrong-authorization', 'session'],
  })
  const [first, ...others] = results.map((result) => result.outcome)
  expect([first, new Set(others)]).toEqual([outcome, new Set(['skipped'])])
})

test('the ids are unique, and rules that no standard has are graded as hardening', () => {
  expect(new Set(securityEventConformanceCases.map(({ id }) => id)).size).toBe(securityEventConformanceCases.length)
  const hardening = selectConformanceCases(['hardening'], securityEventConformanceCases)
  expect(hardening.map(({ id }) => id)).toEqual([
    'ssf/another-media-type',
    'ssf/another-method',
    'ssf/no-typ',
    'ssf/typ-JWT',
    'ssf/iat-ahead',
    'ssf/a-month-old',
    'ssf/expired',
    'ssf/empty-events',
    'ssf/eleven-events',
    'ssf/no-subject',
    'ssf/the-event-of-a-Logout-Token',
    'ssf/the-typ-of-a-Logout-Token',
    'ssf/no-audience',
    'ssf/an-unknown-kid',
    'ssf/session/session-revoked-ends-its-session',
    'ssf/session/session-revoked-ends-no-other-session',
    'ssf/session/session-revoked-ends-all-sessions-of-its-user',
    'ssf/session/session-revoked-ends-the-sessions-of-nobody-else',
    'ssf/session/account-disabled-ends-all-sessions',
    'ssf/session/an-event-about-a-user-of-another-issuer-ends-nothing',
    'ssf/session/a-subject-without-a-user-ends-nothing',
    'ssf/session/an-event-from-the-future-does-not-end-a-later-session',
  ])
})

describe('a receiver without a check fails the cases of this check', () => {
  test.each([
    ['authorization', ['wrong-authorization']],
    ['media type', ['another-media-type']],
    ['typ', ['no-typ', 'typ-JWT']],
    ['iss', ['another-issuer', 'the-err-names-the-fault']],
    ['aud', ['another-audience', 'no-audience', 'the-err-names-the-fault']],
    ['signature', ['an-unknown-kid', 'a-key-of-another']],
    ['jti', ['no-jti']],
    ['iat', ['no-iat']],
    ['iat ahead', ['iat-ahead']],
    ['age', ['a-month-old']],
    ['exp', ['expired']],
    ['events', ['no-events', 'empty-events']],
    ['number of events', ['eleven-events']],
    ['logout event', ['the-event-of-a-Logout-Token']],
    ['subject', ['no-subject']],
  ])('%s', async (name, failing) => {
    expect(idsOf(await certify({ off: [name] }), 'failed')).toEqual(failing)
  })
})

test('a receiver that answers 202 to everything fails each wrong token and request', async () => {
  const { op } = await createTestProvider()
  const transmitter = await createTestTransmitter({ issuer: op.issuer, key: op.key })
  const results = await runConformance(() => new Response(null, { status: 202 }), {
    provider: await createTestProvider(),
    endpoint,
    securityEvents: { transmitter, authorization: 'Bearer secret' },
    only: ['request', 'refuse'],
  })
  expect(new Set(results.map(({ outcome, fault }) => `${outcome}, ${fault}`))).toEqual(new Set(['failed, accepted']))
})

test.each<[string, (answer: Response) => Response | Promise<Response>, string[]]>([
  [
    'wrong authorization is answered 400 and authentication_failed',
    (answer) => (answer.status === 401 ? Response.json({ err: 'authentication_failed' }, { status: 400 }) : answer),
    [],
  ],
  [
    'wrong authorization is answered 401 alone',
    (answer) => (answer.status === 401 ? new Response(null, answer) : answer),
    [],
  ],
  [
    'wrong authorization is answered 500',
    (answer) => (answer.status === 401 ? new Response(null, { status: 500 }) : answer),
    ['wrong-authorization'],
  ],
  [
    'another method is answered 404',
    (answer) => (answer.status === 405 ? new Response(null, { status: 404 }) : answer),
    [],
  ],
  [
    'another method is answered by a page',
    (answer) => (answer.status === 405 ? new Response('<!doctype html>') : answer),
    ['another-method'],
  ],
  [
    'another code of RFC 8935 is chosen',
    (answer) => (answer.status === 400 ? Response.json({ err: 'invalid_request' }, { status: 400 }) : answer),
    [],
  ],
  [
    'an unknown code is chosen',
    (answer) => (answer.status === 400 ? Response.json({ err: 'wrong' }, { status: 400 }) : answer),
    ['no-token', 'another-issuer'],
  ],
])('%s', async (_, change, failing) => {
  let time = 1_800_000_000
  const provider = await createTestProvider({ now: () => time })
  const { issuer, key } = provider.op
  const transmitter = await createTestTransmitter({ issuer, key, now: () => time })
  const receiver = createSetReceiver(provider, transmitter.audience, {})
  const results = await runConformance(
    async (url, init) => {
      const answer = await receiver(url, init)
      return url === endpoint ? change(answer) : answer
    },
    {
      provider,
      endpoint,
      securityEvents: { transmitter, authorization: 'Bearer secret' },
      signIn: contract,
      nextSecond: async () => void (time += 1),
      only: ['request', 'ssf/another-issuer'],
    },
  )
  expect(idsOf(results, 'failed')).toEqual(failing)
})

test('a receiver that ends sessions before it refuses the token fails the cases of wrong tokens', async () => {
  const results = await certify(
    { endsFirst: true },
    {
      signIn: contract,
      only: [
        'ssf/wrong-auth',
        'ssf/another-issuer',
        'ssf/another-audience',
        'ssf/no-audience',
        'ssf/an-unknown-kid',
        'ssf/a-key-of-another',
      ],
    },
  )
  expect(results.map(({ outcome, fault, got }) => [outcome, fault, got])).toEqual(
    Array.from({ length: 6 }, () => ['failed', 'accepted', 'the session has ended']),
  )
})

describe('a receiver that ends wrong sessions', () => {
  const buildOnAnEvent = [
    'session-revoked-ends-no-other-session',
    'session-revoked-ends-the-sessions-of-nobody-else',
    'an-event-about-a-user-of-another-issuer-ends-nothing',
    'a-subject-without-a-user-ends-nothing',
    'an-event-from-the-future-does-not-end-a-later-session',
    'an-event-that-comes-again-does-not-end-a-newer-session',
  ]
  test.each<[string, SetFaults, string[], string[]?]>([
    [
      'ends none',
      { ends: () => [] },
      [
        'session-revoked-ends-its-session',
        'session-revoked-ends-all-sessions-of-its-user',
        'account-disabled-ends-all-sessions',
        'a-late-event-does-not-end-a-newer-session',
      ],
      buildOnAnEvent,
    ],
    [
      'ends all sessions of the user if the subject names one session',
      { ends: (_, right) => right.map(({ sid: _sid, ...ended }) => ended) },
      ['session-revoked-ends-no-other-session'],
    ],
    [
      'does not know events about a user',
      { ends: (_, right) => right.filter(({ sid }) => sid !== undefined) },
      [
        'session-revoked-ends-all-sessions-of-its-user',
        'account-disabled-ends-all-sessions',
        'a-late-event-does-not-end-a-newer-session',
      ],
      buildOnAnEvent.slice(1),
    ],
    [
      'does not know account-disabled',
      { ends: ({ events }) => (JSON.stringify(events).includes('account-disabled') ? [] : undefined) },
      ['account-disabled-ends-all-sessions'],
    ],
    [
      'ignores the issuer of the subject',
      {
        ends: ({ sub_id, iat }) =>
          sub_id?.iss === 'https://other.example' ? [{ sub: sub_id.sub as string, at: iat as number }] : undefined,
      },
      ['an-event-about-a-user-of-another-issuer-ends-nothing'],
    ],
    [
      'looks only at the session of a subject',
      {
        ends: ({ sub_id, iat }) =>
          sub_id?.user?.iss === 'https://other.example'
            ? [{ sid: sub_id.session.id as string, at: iat as number }]
            : undefined,
      },
      ['an-event-about-a-user-of-another-issuer-ends-nothing'],
    ],
    [
      'dates events by their arrival',
      { ends: (_, right, now) => right.map((ended) => ({ ...ended, at: now })) },
      ['a-late-event-does-not-end-a-newer-session'],
    ],
    [
      'believes a time that lies ahead',
      {
        ends: ({ events }, right) =>
          right.map((ended) => ({
            ...ended,
            at: (Object.values<any>(events)[0]?.event_timestamp ?? ended.at) as number,
          })),
      },
      ['an-event-from-the-future-does-not-end-a-later-session'],
    ],
    [
      'treats a repeated event as a new event',
      { forgets: true, ends: (_, right, now) => right.map((ended) => ({ ...ended, at: now })) },
      ['a-late-event-does-not-end-a-newer-session', 'an-event-that-comes-again-does-not-end-a-newer-session'],
    ],
  ])('%s', async (_, faults, failing, skipped = []) => {
    const results = await certify(faults, { signIn: contract, only: ['session'] })
    expect(idsOf(results, 'failed')).toEqual(failing)
    expect(idsOf(results, 'skipped')).toEqual(skipped)
  })

  test.each<[string, SetFaults, string]>([
    [
      'treats all users as one user',
      { ends: (_, right) => right.map(({ at }) => ({ at: at - 1 })) },
      'session-revoked-ends-the-sessions-of-nobody-else',
    ],
    [
      'takes a subject without a user for all users',
      {
        ends: ({ sub_id, iat }) => (sub_id?.format === 'complex' && !sub_id.user ? [{ at: iat as number }] : undefined),
      },
      'a-subject-without-a-user-ends-nothing',
    ],
  ])('%s', async (_, faults, id) => {
    // Runs each case alone, because the tokens of one case end the sessions of the other cases.
    const results = await certify(faults, { signIn: contract, only: [`ssf/session/${id}`] })
    expect(results).toMatchObject([{ outcome: 'failed', fault: 'ended' }])
  })
})
