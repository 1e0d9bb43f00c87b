import { inspect } from 'node:util'
import type { LogoutStore } from '@bcl/core'
import { expect, test, vi } from 'vitest'
import { create, createClock, refusal, sharedIssuer, SpyStore } from './support.js'

const clock = createClock()
const op = await sharedIssuer(clock)

/** The cause that an application gets if each call of the store fails with this error. */
async function causeOf(error: unknown, claims: object = {}): Promise<Error & Record<string, unknown>> {
  const store = new SpyStore()
  store.before = () => {
    throw error
  }
  const session = op.session({ sub: 'alice@example.com', sid: 'session-4711', ...claims })
  return (await refusal(create(op, { store }).isLoggedOut(session))).cause as Error & Record<string, unknown>
}

test.each([
  'relation "bcl_logouts" does not exist',
  'password authentication failed for user "app"',
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  'connect ECONNREFUSED 127.0.0.1:6379, [1] logout of session 1,1 done',
  'took over 1 s',
])("the driver's own words are kept: %s", async (message) => {
  expect(await causeOf(Object.assign(new Error(message), { name: 'DriverError', code: '42P01' }))).toMatchObject({
    message,
    name: 'DriverError',
    code: '42P01',
  })
})

test.each<[claims: object, message: string, shown: string]>([
  [{}, 'no session-4711 of alice@example.com', 'no [withheld] of [withheld]'],
  [{}, `issuer ${op.issuer} iat ${clock.time}`, `issuer [withheld] iat ${clock.time}`],
  [{ sub: 'alice', sid: 'alice-2' }, 'alice-2 is of alice', '[withheld] is of [withheld]'],
  [{ sub: 'alice-2', sid: 'alice' }, 'alice is of alice-2', '[withheld] is of [withheld]'],
  [{ sub: 'älice-é' }, 'plain älice-é', 'plain [withheld]'],
  [{ sub: 'älice-é' }, 'escaped \\u00e4lice-\\u00e9', 'escaped \\[withheld]\\[withheld]'],
  [{ sub: 'älice-é' }, 'twice \\\\u00e4lice-\\\\u00e9', 'twice \\\\[withheld]\\\\[withheld]'],
  [{ sub: 'anna "b" \\ carl' }, 'plain anna "b" \\ carl', '[withheld]'],
  [{ sub: 'anna "b" carl' }, 'plain anna "b" carl', '[withheld]'],
  [{ sub: 'anna "bernd"\\carl' }, 'plain anna "bernd"\\carl', 'plain [withheld]"[withheld]"\\[withheld]'],
  [{ sub: 'anna "bernd"\\carl' }, 'escaped anna \\"bernd\\"', 'escaped [withheld]\\"[withheld]\\"'],
  [{ sub: "anna'brien" }, "near 'brien'', ''app'", "near '[withheld]'', ''app'"],
  // A short value can be in a text by chance. If it is a whole word there, the whole text is withheld.
  [{ sub: 'bob' }, 'no user bob', '[withheld]'],
  [{ sub: 'bob' }, 'the bobsled is full', 'the bobsled is full'],
  [{ sub: '7' }, 'error 17 in row 7', '[withheld]'],
  [{ sub: '7' }, 'error 17 in row 70', 'error 17 in row 70'],
  [{ sub: 'a-b' }, 'no a-b', '[withheld]'],
  [{ sub: 'é' }, 'no é', '[withheld]'],
  [{ sub: '.*' }, 'no user', 'no user'],
  [{ sub: '.*' }, 'no .*', '[withheld]'],
  [{ sub: '$& $1' }, 'no $& $1 there', 'no [withheld] there'],
  [{ sid: '12345' }, 'no 12345', 'no [withheld]'],
  [{ sid: ':9876' }, 'no :9876', 'no [withheld]'],
  [{ sid: '{1234}' }, 'no {1234}', 'no [withheld]'],
  [{ sid: '["a1","b2"]' }, 'no ["a1","b2"]', '[withheld]'],
])('claim values are withheld: %j in %j', async (claims, message, shown) => {
  expect((await causeOf(new Error(message), claims)).message).toBe(shown)
})

test('the rest of the line is withheld if the driver has cut off a key', async () => {
  const [key] = await keysOf()
  for (const spelled of [key!, JSON.stringify(key).slice(1, -1)]) {
    for (const length of [key!.length - 3, key!.length - 10, key!.length - 25]) {
      const { message } = await causeOf(new Error(`ERR in 'bcl:${spelled.slice(0, length)}' (1)\nsecond line`))
      expect(message).toBe("ERR in 'bcl:[withheld]\nsecond line")
    }
    const { message } = await causeOf(new Error(`ERR in '${spelled}' (1)`))
    expect(message).toMatch(/^ERR in .*\[withheld\].*\(1\)$/)
    expect(message).not.toContain('alice')
  }
})

async function keysOf(): Promise<readonly string[]> {
  const store = new SpyStore()
  const values = vi.spyOn(store, 'values')
  await create(op, { store }).isLoggedOut(op.session({ sub: 'alice@example.com', sid: 'session-4711' }))
  return values.mock.calls[0]![0]
}

test('the rest of the line is withheld if the driver has cut off a key, and a complete value follows', async () => {
  const [key] = await keysOf()
  for (const spelled of [key!, JSON.stringify(key).slice(1, -1)]) {
    const { message } = await causeOf(new Error(`row (${spelled.slice(0, -5)}..., ["id",{"iss":"x"}], null) is wrong`))
    expect(message).toBe('row ([withheld]')
  }
})

test('the values of a write are also withheld: the client, the time, and the id of a tracked session', async () => {
  const add = (key: string, value: string) => Promise.reject(new Error(`INSERT of clientId ${key}, ${value}`))
  const logout = create(op, { store: Object.assign(new SpyStore(), { add }) })
  const session = op.session({ sub: 'alice', sid: undefined, iat: clock.time })
  const tracking = await refusal(logout.trackSession(session, 'local-id'))
  expect(String(tracking.cause)).toBe(
    'Error: INSERT of clientId [1,"session","nosid","[withheld]","[withheld]"], ["[withheld]",{"iss":"[withheld]","sub":"[withheld]","iat":[withheld]}]',
  )
  const receiving = await refusal(logout.receive(await op.logoutToken({ sid: undefined, iat: clock.time })))
  expect(String(receiving.cause)).toBe(
    'Error: INSERT of clientId [1,"logout","sub","[withheld]","[withheld]"], ["[withheld]",[withheld]]',
  )
})

test('the rest of the line is withheld if the driver has cut off a value', async () => {
  const values: string[] = []
  const add = (key: string, value: string) => {
    values.push(value)
    // The driver of MariaDB cuts off the parameters in its messages.
    const parameters = [`'${key}'`, `'${value}`].join(',').slice(0, key.length + 20)
    return Promise.reject(new Error(`no table - parameters:[${parameters}...`))
  }
  const logout = create(op, { store: Object.assign(new SpyStore(), { add }) })
  const session = op.session({ sub: 'alice', sid: undefined, iat: clock.time })
  const { cause } = await refusal(logout.trackSession(session, 'a-long-id-of-the-local-session'))
  expect(values[0]).toContain('a-long-id-of-the-local-session')
  expect(String(cause)).toBe(
    `Error: no table - parameters:['[1,"session","nosid","[withheld]","[withheld]"]','[withheld]`,
  )
})

test('a failed broadcast is also reported without claim values', async () => {
  const publish = (message: string) => Promise.reject(new Error(`PUBLISH ${message}, no älice`))
  const onError = vi.fn()
  const logout = create(op, { store: Object.assign(new SpyStore(), { publish }), onError })
  await logout.receive(await op.logoutToken({ sub: 'älice', sid: 'session-4711' }))
  const reported = inspect(onError.mock.calls[0]![0], { showHidden: true, depth: 9 })
  expect(reported).toContain('PUBLISH')
  for (const claim of ['lice', '4711']) expect(reported).not.toContain(claim)
})

test('claim values are withheld in cause, detail and name, and all other properties are left out', async () => {
  const names = {
    name: 'NoAliceError: alice@example.com',
    code: 'no alice@example.com',
    detail: 'Key (alice@example.com)',
  }
  const parameters = ['session-4711']
  const cause = Object.assign(new Error('getaddrinfo for session-4711', { cause: new Error('of alice@example.com') }), {
    code: 'ENOTFOUND',
    parameters,
  })
  const error = await causeOf(
    Object.assign(new Error('fetch failed', { cause }), names, { parameters, sql: 'session-4711' }),
  )
  expect(error).toMatchObject({
    message: 'fetch failed',
    name: 'NoAliceError: [withheld]',
    code: 'no [withheld]',
    detail: 'Key ([withheld])',
    cause: { message: 'getaddrinfo for [withheld]', code: 'ENOTFOUND', cause: { message: 'of [withheld]' } },
  })
  const everything = inspect(error, { showHidden: true, depth: 9 })
  for (const claim of ['alice@example.com', 'session-4711']) expect(everything).not.toContain(claim)
})

test('three levels of causes are shown', async () => {
  const deep = ['0', '1', '2', '3', '4'].reduceRight<Error | undefined>(
    (cause, level) => new Error(`level ${level}`, { cause }),
    undefined,
  )
  const shown: string[] = []
  for (let error: unknown = await causeOf(deep); error; error = (error as Error).cause)
    shown.push((error as Error).message)
  expect(shown).toEqual(['level 0', 'level 1', 'level 2', 'level 3'])
})

test('the second of two keys without a space between them is withheld if it is cut off', async () => {
  const { message } = await causeOf(new Error('ERR [1,"logout","sub","x","y"][1,"logout","su'))
  expect(message).toBe('ERR [1,"logout","sub","x","y"][withheld]')
})

const parts = (count: number) => Array.from({ length: count }, (_, index) => `part-${index}`).join('"')
test.each([
  ['4,000 characters', 'a'.repeat(4000), 'the database is down'],
  ['4,001 characters', 'a'.repeat(4001), '[withheld]'],
  ['50 parts', parts(50), 'the database is down'],
  ['51 parts', parts(51), '[withheld]'],
])('the error about an issuer of %s', async (_, iss, message) => {
  const logout = create(op, { issuers: () => Promise.reject(new Error('the database is down')) })
  expect((await refusal(logout.isLoggedOut(op.session({ iss })))).cause).toMatchObject({ message })
})

const cyclic = new Error('it turns')
cyclic.cause = Object.assign(new Error('and turns'), { cause: cyclic })
const endless = (): Error => Object.defineProperty(new Error('deep'), 'cause', { get: endless })

test.each<[string, unknown, string]>([
  ['text', 'no alice@example.com', 'no [withheld]'],
  ['undefined', undefined, '[withheld]'],
  ['null', null, '[withheld]'],
  ['a number', 7, '[withheld]'],
  ['a symbol', Symbol('alice@example.com'), '[withheld]'],
  ['an object without a prototype', Object.create(null), '[withheld]'],
  ['an object with a message of another type', { message: { text: 'alice@example.com' } }, '[withheld]'],
  [
    'a getter that throws',
    Object.defineProperty(new Error('x'), 'cause', {
      get() {
        throw new Error('alice@example.com')
      },
    }),
    '[withheld]',
  ],
  [
    'a Proxy that throws',
    new Proxy(new Error('x'), {
      get() {
        throw new Error('alice@example.com')
      },
    }),
    '[withheld]',
  ],
  ['causes in a circle', cyclic, 'it turns'],
  ['causes without end', endless(), 'deep'],
  [
    'an error with a code and no message, as node:net makes for several addresses',
    Object.assign(new AggregateError([new Error('alice@example.com')], ''), { code: 'ECONNREFUSED' }),
    'ECONNREFUSED',
  ],
  [
    'an error with only a name, as node-redis makes for a command that is not sent within 5 s',
    Object.assign(new Error(''), { name: 'TimeoutError' }),
    'TimeoutError',
  ],
  [
    'an error with a claim value as its name',
    Object.assign(new Error(''), { name: 'alice@example.com' }),
    '[withheld]',
  ],
])('an error of any shape is safe to log: %s', async (_, error, message) => {
  const cause = await causeOf(error)
  expect(cause).toBeInstanceOf(Error)
  expect(cause.message).toBe(message)
  expect(inspect(cause, { showHidden: true, depth: Infinity, getters: true })).not.toContain('alice@example.com')
})

test('a huge message is cut, and an error about very many claim values is withheld', async () => {
  const huge = `too much: ${'x'.repeat(20_000_000)} alice@example.com`
  const { message } = await causeOf(new Error(huge))
  expect(message).toHaveLength(10_000)
  const store: LogoutStore = {
    add: async () => {},
    remove: async () => {},
    values: (keys) => Promise.reject(new Error(`no answer: ${JSON.stringify(keys)}`)),
  }
  const onError = vi.fn()
  const logout = create(op, { store, onError, pollInterval: 0.01 })
  for (let index = 0; index < 500; index += 1)
    logout.watch(op.session({ sid: `session-${index}`, sub: `user-${index}` }), () => {})
  await vi.waitFor(() => expect(onError.mock.calls.length).toBeGreaterThan(500), 10_000)
  await logout.close()
  for (const [error] of onError.mock.calls) expect(inspect(error)).not.toMatch(/session-\d|user-\d/)
})

test.each<[string, string]>([
  ['backslashes', '\\'.repeat(5500)],
  ['cut keys', `${'[1,"'.repeat(2000)}"]`],
  ['many parts', Array.from({ length: 1800 }, (_, index) => `p${index + 1000}`).join('"')],
  ['many short parts', Array.from({ length: 2100 }, (_, index) => index.toString(36).padStart(3, 'x')).join('"')],
  ['a long text', 'a'.repeat(11_000)],
])('an issuer with %s causes a constant number of searches, and is not shown', async (_, iss) => {
  const searches = [vi.spyOn(String.prototype, 'split'), vi.spyOn(String.prototype, 'includes')]
  const logout = create(op, {
    issuers: (name) => {
      throw Object.assign(new Error(`no row for ${name}`), { detail: name })
    },
  })
  const token = await op.logoutToken({ iss })
  for (const search of searches) search.mockClear()
  const { cause } = await refusal(logout.receive(token))
  expect(searches.reduce((sum, { mock }) => sum + mock.calls.length, 0)).toBeLessThan(500)
  vi.restoreAllMocks()
  expect(inspect(cause)).not.toContain(iss.slice(0, 200))
})

test('RP-43: claim values that are a part of "[withheld]" do not make the text of an error grow', async () => {
  const pair = '[withheld][withheld]'
  const parts = [4, 5].flatMap((length) => Array.from({ length: 10 }, (_, start) => pair.slice(start, start + length)))
  const iss = ['ECONN', 'REFUSED', ...parts].join('"')
  const logout = create(op, {
    issuers: () => {
      throw new Error('connect ECONNREFUSED 127.0.0.1:5432')
    },
  })
  const { cause } = await refusal(logout.isLoggedOut(op.session({ iss })))
  expect((cause as Error).message).toBe('connect [withheld][withheld] 127.0.0.1:5432')
})

test.each([
  [11_000, 100],
  [3_900, 500],
])('an issuer of %i brackets costs little if the issuer function fails %i times', async (length, times) => {
  const logout = create(op, {
    issuers: () => {
      throw new Error('the database is down')
    },
  })
  const session = op.session({ iss: `${'['.repeat(length)}x` })
  // If the cost grew with the square of the length, this test would run into its time-out.
  for (let time = 0; time < times; time += 1)
    expect(await refusal(logout.isLoggedOut(session))).toMatchObject({ code: 'ERR_LOGOUT_FAILED' })
})
