import { MemoryStore } from '@bcl/core'
import { describe, expect, test, vi } from 'vitest'
import { alice, clock, complex, issuer, op, receiving, session, signSet, types } from './support.js'

const day = 86_400

describe('the description of a fault names the wrong claim and has no value', () => {
  test.each<[object, string, string]>([
    [{ aud: 'other' }, 'invalid_audience', 'logout token claim: aud'],
    [{ iss: 'https://other.example' }, 'invalid_issuer', 'logout token claim: iss'],
    [{ jti: '' }, 'invalid_request', 'logout token claim: jti'],
    [{ events: {} }, 'invalid_request', 'logout token claim: events'],
    [{ sub_id: 'alice' }, 'invalid_request', 'logout token claim: sub_id'],
    [{ iat: 1 }, 'invalid_request', 'logout token expired: iat'],
  ])('%j: %s', async (claims, err, description) => {
    const { push } = receiving()
    const { text } = await push(await signSet(claims))
    expect(JSON.parse(text)).toEqual({ err, description })
  })

  test('a wrong signature', async () => {
    const { push } = receiving()
    const { text } = await push(await signSet({}, { kid: 'unknown' }))
    expect(JSON.parse(text)).toEqual({ err: 'invalid_key', description: 'logout token signature' })
  })

  test('the error of a failed receiver has the cause', async () => {
    const down = new Error('down')
    const broken = receiving({ onEvent: () => Promise.reject(down) })
    await broken.push(await signSet())
    expect(broken.deliveries).toMatchObject([{ error: { message: 'the event failed', cause: { message: 'down' } } }])
    const silent = receiving({ transmitter: { audience: () => Promise.reject(down) } })
    await silent.push(await signSet())
    expect(silent.deliveries).toMatchObject([{ error: { message: 'the audience failed', cause: { message: 'down' } } }])
  })
})

describe('typ', () => {
  test.each([
    ['xsecevent+jwt', undefined],
    ['secevent+jwtx', undefined],
    ['JWTx', false],
    ['xJWT', false],
  ])('SE-1: %s is refused', async (typ, requireTyp) => {
    const { push } = receiving({ transmitter: { requireTyp } })
    const { status, text } = await push(await signSet({}, { typ }))
    expect([status, JSON.parse(text).err]).toEqual([400, 'invalid_request'])
  })

  test('SE-1: typ is checked even if the issuer is unknown', async () => {
    const { push } = receiving({ transmitter: { requireTyp: false } })
    const { status, text } = await push(await signSet({ iss: 'https://other.example' }, { typ: 'JWT' }))
    expect([status, JSON.parse(text).err]).toEqual([400, 'invalid_request'])
  })
})

test('SE-1: a token that has exactly the largest age is accepted', async () => {
  const { push } = receiving()
  const statuses = [0, 1].map(async (more) => push(await signSet({ iat: clock.time - 7 * day - 60 - more })))
  expect((await Promise.all(statuses)).map(({ status }) => status)).toEqual([202, 400])
})

describe('SE-3: an audience function', () => {
  /** The calls of Web Crypto in progress. They take real time, and on a busy machine more than the turns of `idle`. */
  let inProgress = 0
  for (const name of ['digest', 'importKey', 'verify'] as const) {
    const call = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<never>
    vi.spyOn(crypto.subtle, name).mockImplementation((...args: unknown[]) => {
      inProgress += 1
      return call(...args).finally(() => (inProgress -= 1))
    })
  }
  /** Reading a request takes no fake time, but several turns of the event loop. */
  const idle = async (): Promise<void> => {
    do for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    while (inProgress > 0)
  }
  /** Lets fake time pass until all promises have settled. */
  const settled = async <T>(promises: readonly Promise<T>[]): Promise<T[]> => {
    let isDone = false
    const all = Promise.all(promises).finally(() => (isDone = true))
    while (!isDone) {
      await idle()
      await vi.advanceTimersByTimeAsync(20)
    }
    return all
  }

  test('is called again after a minute. A token with an unknown audience waits for up to 0.3 seconds', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
    try {
      const audience = vi.fn(() => (audience.mock.calls.length < 3 ? 'receiver' : 'new stream'))
      const { push } = receiving({ transmitter: { audience } })
      const calls = async (seconds: number, aud: string) => {
        vi.advanceTimersByTime(seconds * 1000)
        const { status } = await push(await signSet({ aud }))
        return [status, audience.mock.calls.length]
      }
      expect(await calls(0, 'receiver')).toEqual([202, 1])
      expect(await calls(60, 'receiver')).toEqual([202, 1])
      expect(await calls(0.5, 'receiver')).toEqual([202, 2])
      const waiting = ['new stream', 'unknown'].map((aud) => calls(0.05, aud))
      expect(await calls(0.1, 'receiver')).toEqual([202, 2])
      expect(await settled(waiting)).toEqual([
        [202, 3],
        [400, 3],
      ])
    } finally {
      vi.useRealTimers()
    }
  })

  test('is called again for a new stream within the time of a push', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
    try {
      let stream = 'receiver'
      const audience = vi.fn(async () => {
        const answer = stream
        await new Promise((resolve) => setTimeout(resolve, 300))
        return answer
      })
      const { push } = receiving({ transmitter: { audience } })
      // The call for this token has begun, when the stream becomes new.
      const first = push(await signSet({ aud: 'unknown' }))
      while (audience.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
      stream = 'new stream'
      const answers = await settled([first, push(await signSet({ aud: 'new stream' }))])
      expect(answers.map(({ status }) => status)).toEqual([400, 202])
    } finally {
      vi.useRealTimers()
    }
  })

  test('is called at most every 0.3 seconds while it fails', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
    try {
      let fails = true
      const audience = vi.fn(() => (fails ? Promise.reject(new Error('busy')) : 'receiver'))
      const { push } = receiving({ transmitter: { audience } })
      const answers: ReturnType<typeof push>[] = []
      for (let times = 0; times < 10; times += 1) {
        answers.push(push(await signSet()))
        await idle()
        await vi.advanceTimersByTimeAsync(100)
      }
      expect(audience.mock.calls.length).toBeLessThanOrEqual(5)
      fails = false
      const [last] = await settled([push(await signSet())])
      const early = await Promise.all(answers.slice(0, 6))
      expect(early.map(({ status }) => status)).toEqual(Array(6).fill(503))
      expect(last!.status).toBe(202)
    } finally {
      vi.useRealTimers()
    }
  })
})

test('SE-3: an audience function that returns no audience is an outage, and the cause names the function', async () => {
  const { push, deliveries } = receiving({ transmitter: { audience: () => 7 as never } })
  expect((await push(await signSet())).status).toBe(503)
  const message = 'audience() must be a string or a list of strings'
  expect(deliveries).toMatchObject([{ outcome: 'failed', error: { cause: { message } } }])
})

test('SE-12: the record is kept for the age and the tolerance of the transmitter', async () => {
  const { push, events } = receiving({ transmitter: { maxTokenAge: 1000, clockTolerance: 1000 } })
  const before = clock.time
  const jwt = await signSet()
  await push(jwt)
  try {
    clock.time += 1990
    expect((await push(jwt)).status).toBe(202)
  } finally {
    clock.time = before
  }
  expect(events).toHaveLength(1)
})

describe('subjects', () => {
  const resolved = { resolveSubject: () => ({ iss: issuer }) }
  test.each<[string, unknown, string, object?]>([
    ['iss_sub without iss', { format: 'iss_sub', sub: 'alice' }, 'subject'],
    ['iss_sub whose iss is a number', { format: 'iss_sub', iss: 1, sub: 'alice' }, 'subject'],
    ['another format with iss and sub', { ...alice, format: 'account' }, 'subject'],
    ['a user in another format with iss and sub', complex({ user: { ...alice, format: 'account' } }), 'subject'],
    ['a session in another format', complex({ user: alice, session: { format: 'uri', id: 's1' } }), 'scope'],
    ['a session whose id is a number', complex({ user: alice, session: { format: 'opaque', id: 1 } }), 'scope'],
    ['a resolved subject without sub and sid', alice, 'subject', resolved],
  ])('SE-6, SE-7: %s ends nothing', async (_, subject, reason, options = {}) => {
    const { push, events, ended } = receiving(options)
    expect((await push(await signSet({ sub_id: subject }))).status).toBe(202)
    expect(events).toMatchObject([{ ended: 'nothing', reason }])
    expect(ended).toEqual([])
  })

  const accountEvents = [types.accountDisabled, types.accountPurged, types.sessionsRevoked, types.tokensRevoked]
  const sessions: [string, unknown][] = [
    ['in another format', { format: 'jwt_id', iss: issuer, jti: 's1' }],
    ['with an empty id', session('')],
    ['with a number as id', { format: 'opaque', id: 1 }],
    ['that is null', null],
  ]
  test.each(accountEvents.flatMap((type) => sessions.map(([name, value]) => [type, name, value] as const)))(
    'SE-9: %s ends all sessions of the user, also if the subject has a session %s',
    async (type, _, value) => {
      const { push, events, isLoggedOut } = receiving()
      const sub_id = complex({ user: alice, session: value })
      expect((await push(await signSet({ sub_id, events: { [type]: {} } }))).status).toBe(202)
      expect(events).toMatchObject([{ ended: 'all' }])
      expect(await isLoggedOut({ sid: 's2' })).toBe(true)
    },
  )

  test.each(['device', 'application', 'group', 'org_unit'])(
    'SE-7: account-disabled with the member %s ends nothing',
    async (member) => {
      const { push, events } = receiving()
      const sub_id = complex({ user: alice, [member]: session('x') })
      expect((await push(await signSet({ sub_id, events: { [types.accountDisabled]: {} } }))).status).toBe(202)
      expect(events).toMatchObject([{ ended: 'nothing', reason: 'scope' }])
    },
  )

  test.each([
    [
      'all sessions of the user if resolveSubject returns a sid and a sub',
      'all',
      { iss: issuer, sub: 'alice', sid: 's1' },
    ],
    ['only the session of a sid that resolveSubject returns alone', 'session', { iss: issuer, sid: 's1' }],
  ])('SE-7, SE-9: account-disabled with a device ends %s', async (_, ended, resolvedTo) => {
    const { push, events, isLoggedOut } = receiving({ resolveSubject: () => resolvedTo })
    const sub_id = complex({ user: alice, device: session('x') })
    expect((await push(await signSet({ sub_id, events: { [types.accountDisabled]: {} } }))).status).toBe(202)
    expect(events).toMatchObject([{ ended }])
    expect(await isLoggedOut({ sid: 's1' })).toBe(true)
    expect(await isLoggedOut({ sid: 's2' })).toBe(ended === 'all')
  })

  test('SE-6: known critical members do not change the result', async () => {
    const metadata = {
      issuer,
      jwks_uri: `${issuer}/jwks`,
      critical_subject_members: ['format', 'user', 'session', 'tenant'],
    }
    const fetch = async (url: string) =>
      url.includes('/.well-known/ssf-configuration') ? Response.json(metadata) : op.fetch(url)
    const { push, events } = receiving({ fetch: fetch as typeof globalThis.fetch, transmitter: { keys: undefined } })
    const subject = complex({ user: alice, session: session('s1'), tenant: session('t1') })
    expect((await push(await signSet({ sub_id: subject }))).status).toBe(202)
    expect(events).toMatchObject([{ ended: 'session' }])
  })
})

test.each([
  types.verification,
  types.streamUpdated,
  'https://schemas.openid.net/secevent/risc/event-type/verification',
])('SE-10: %s needs no subject, and ends no session even if endsSessions returns true', async (type) => {
  const { push, events, ended } = receiving({ endsSessions: () => true })
  for (const subject of [undefined, alice])
    expect((await push(await signSet({ sub_id: subject, events: { [type]: {} } }))).status).toBe(202)
  expect(events.map(({ reason }) => reason)).toEqual(['type', 'type'])
  expect(ended).toEqual([])
})

describe('the record of a carried-out event', () => {
  test('SE-12: a recorded event is not carried out again, even if the record is read late', async () => {
    const store = new MemoryStore({ now: op.now })
    let late = 0
    const slow = {
      add: store.add.bind(store),
      remove: store.remove.bind(store),
      async values(keys: readonly string[]) {
        await new Promise((resolve) => setTimeout(resolve, late))
        return store.values(keys)
      },
    }
    const { push, events, deliveries } = receiving({ store: slow, timeout: 5 })
    const jwt = await signSet()
    await push(jwt)
    late = 300
    expect((await push(jwt)).status).toBe(202)
    expect(events).toHaveLength(1)
    expect(deliveries.map(({ outcome }) => outcome)).toEqual(['handled', 'replayed'])
  })

  test('SE-12: if the store fails once, the record is still written within the push', async () => {
    const store = new MemoryStore({ now: op.now })
    let refusals = 1
    const refusing = {
      values: store.values.bind(store),
      remove: store.remove.bind(store),
      async add(key: string, value: string, expiresAt: number) {
        if (key.includes('"done"') && (refusals -= 1) >= 0) throw new Error('down')
        store.add(key, value, expiresAt)
      },
    }
    const { push, events } = receiving({ store: refusing, timeout: 5 })
    const jwt = await signSet()
    expect([(await push(jwt)).status, (await push(jwt)).status]).toEqual([202, 202])
    expect(events).toHaveLength(1)
  })
})
