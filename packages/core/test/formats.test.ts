import { expect, test } from 'vitest'
import { create, createClock, sharedIssuer, SpyStore } from './support.js'

const clock = createClock()
const op = await sharedIssuer(clock)
const { issuer, clientId } = op
const time = clock.time
const stored = ({ entries }: SpyStore) =>
  Object.fromEntries([...entries].map(([key, values]) => [key, [...values.keys()]]).filter(([, values]) => values![0]))

/*
 * Other versions read the stored entries and the broadcasts at the same time. Change one of these texts only together with
 * the version in it.
 */

test('a logout with sid and sub is stored, broadcast and recorded as done under these keys', async () => {
  const store = new SpyStore()
  const hints: string[] = []
  await create(op, { store: Object.assign(store, { publish: async (hint: string) => void hints.push(hint) }) }).receive(
    await op.logoutToken({ sid: 'session "1"', sub: 'älice', jti: 'j' }),
  )
  const marker = [`["${clientId}",${time}]`]
  const keys = [`[1,"logout","sid","${issuer}","session \\"1\\""]`, `[1,"logout","nosid","${issuer}","\\u00e4lice"]`]
  expect(stored(store)).toEqual({
    [keys[0]!]: marker,
    [keys[1]!]: marker,
    [`[1,"done","${issuer}","${clientId}","j",${time},"\\u00e4lice","session \\"1\\""]`]: ['1'],
  })
  expect(hints).toEqual([JSON.stringify([1, ...keys])])
})

test('a logout with sid alone or sub alone is one marker and one record', async () => {
  const store = new SpyStore()
  const logout = create(op, { store })
  await logout.receive(await op.logoutToken({ sid: 's', sub: undefined, jti: 'j' }))
  await logout.receive(await op.logoutToken({ sid: undefined, sub: 'alice', jti: 'j' }))
  expect(Object.keys(stored(store))).toEqual([
    `[1,"logout","sid","${issuer}","s"]`,
    `[1,"done","${issuer}","${clientId}","j",${time},null,"s"]`,
    `[1,"logout","sub","${issuer}","alice"]`,
    `[1,"done","${issuer}","${clientId}","j",${time},"alice",null]`,
  ])
})

test('a marker outlives the session by five minutes, and the record outlives the token by five minutes', async () => {
  // This clock is ahead of the system clock, so the expiry counts from this clock.
  const later = createClock(4_000_000_000)
  const far = await sharedIssuer(later)
  const store = new SpyStore()
  const token = await far.logoutToken({ sid: 's', sub: undefined, exp: later.time + 120 })
  await create(far, { store, sessionMaxAge: 7200 }).receive(token)
  const expiries = [...store.entries.values()].map((values) => [...values.values()][0]! - later.time)
  expect(expiries).toEqual([7200 + 300, 120 + 60 + 300])
})

test('a tracked session is stored under these keys', async () => {
  const store = new SpyStore()
  const session = op.session({ sid: 's', sub: 'alice', iat: time })
  await create(op, { store }).trackSession(session, 'id')
  const value = [`["id",{"iss":"${issuer}","sub":"alice","sid":"s","iat":${time}}]`]
  expect(stored(store)).toEqual({
    [`[1,"session","sid","${issuer}","s"]`]: value,
    [`[1,"session","sub","${issuer}","alice"]`]: value,
  })
})

test('logouts of the application are stored under these keys', async () => {
  const store = new SpyStore()
  const broadcasts: string[] = []
  const publish = async (message: string): Promise<void> => void broadcasts.push(message)
  const logout = create(op, { store: Object.assign(store, { publish }) })
  const session = { iss: issuer, sub: 'älice', sid: 's', iat: time }
  await logout.endSession(session, { key: 'k "1"' })
  await logout.endSession({ ...session, sid: null })
  await logout.endAllSessions({ iss: issuer, sub: 'bob' })
  const marker = [`["${clientId}",${time}]`]
  expect(stored(store)).toEqual({
    [`[1,"logout","sid","${issuer}","s"]`]: marker,
    [JSON.stringify([1, 'key', clientId, 'k "1"', `"sid","${issuer}","s"]`])]: ['1'],
    [`[1,"logout","nosid","${issuer}","\\u00e4lice"]`]: marker,
    [`[1,"logout","sub","${issuer}","bob"]`]: marker,
  })
  expect(broadcasts[0]).toBe(JSON.stringify([1, `[1,"logout","sid","${issuer}","s"]`]))
})

test.each(['plain', 'a "quote"', 'back\\slash', 'new\nline', 'delete\u007f', 'ü', '😀', '","', ' '])(
  'the keys of sid %j are JSON in printable ASCII',
  async (sid) => {
    const store = new SpyStore()
    await create(op, { store }).receive(await op.logoutToken({ sid, sub: undefined }))
    const [key] = store.entries.keys()
    expect(key).toMatch(/^[ -~]+$/)
    expect(JSON.parse(key!)).toEqual([1, 'logout', 'sid', issuer, sid])
  },
)
