import { MemoryStore, verifyLogoutToken, type LogoutDelivery, type LogoutEvent, type TrustedIssuer } from '@bcl/core'
import { describe, expect, test, vi } from 'vitest'
import { create, createClock, refusal, sharedIssuer, SpyStore } from './support.js'

const clock = createClock()
const op = await sharedIssuer(clock)
const now = clock.time
const names = ['web', 'admin']

/** The registrations `web` and `admin`, which trust each other. */
const pair = (web: Partial<TrustedIssuer> = {}, admin: Partial<TrustedIssuer> = {}): TrustedIssuer[] => [
  { ...op.trusted, clientId: 'web', trustedAudiences: ['admin'], ...web },
  { ...op.trusted, clientId: 'admin', trustedAudiences: ['web'], ...admin },
]
const tokenFor = (aud: unknown = names, claims: object = {}) => op.logoutToken({ aud, ...claims })

/** Returns the registrations whose sessions with these claims have ended. */
async function endedBy(logout: ReturnType<typeof create>, claims: object = {}): Promise<string[]> {
  const sessions = names.map((clientId) => op.session({ ...claims, clientId }))
  const ended = await Promise.all(sessions.map((session) => logout.isLoggedOut(session)))
  return names.filter((_, index) => ended[index])
}

/** Returns the registrations that a token counts for. Checks that it ends exactly the sessions of these registrations. */
async function clientsOf(issuers: TrustedIssuer[], token: string): Promise<readonly string[]> {
  const logout = create(op, { issuers })
  const { clientIds } = await logout.receive(token)
  expect(await endedBy(logout, { iat: now - 300 })).toEqual(clientIds)
  return clientIds
}

describe('RP-12b: a token that names several of our registrations', () => {
  test('counts for each registration if each trusts the clients of the others', async () => {
    expect(await clientsOf(pair(), await tokenFor())).toEqual(names)
    expect(await clientsOf(pair(), await tokenFor(names.toReversed()))).toEqual(names)
    expect(await clientsOf(pair(), await tokenFor('admin'))).toEqual(['admin'])
  })

  test('counts only for the registrations that trust the others', async () => {
    expect(await clientsOf(pair({ trustedAudiences: [] }), await tokenFor())).toEqual(['admin'])
  })

  test('RP-12a: counts only for the client that azp names', async () => {
    expect(await clientsOf(pair(), await tokenFor(names, { azp: 'admin' }))).toEqual(['admin'])
  })

  test('ends sessions without a clientId, and no session of a later sign-in', async () => {
    const logout = create(op, { issuers: pair() })
    await logout.receive(await tokenFor(names, { iat: now - 5 }))
    expect(await logout.isLoggedOut(op.session({ iat: now - 5 }))).toBe(true)
    expect(await endedBy(logout, { iat: now - 4 })).toEqual([])
  })

  test('reaches listeners and onDelivery once, with all registrations', async () => {
    const events: LogoutEvent[] = []
    const deliveries: LogoutDelivery[] = []
    const logout = create(op, { issuers: pair(), onDelivery: (delivery) => deliveries.push(delivery) })
    logout.onLogout((event) => events.push(event))
    const body = `logout_token=${await tokenFor()}`
    await logout.respond({ method: 'POST', contentType: 'application/x-www-form-urlencoded', body })
    expect(events.map(({ clientIds }) => clientIds)).toEqual([names])
    expect(events[0]).not.toHaveProperty('clientId')
    expect(deliveries).toMatchObject([{ outcome: 'logged_out', iss: op.issuer, clientIds: names }])
    expect(deliveries[0]).not.toHaveProperty('clientId')
  })

  test('verifyLogoutToken returns all registrations, and the first as clientId', async () => {
    const read = async (aud: unknown) => verifyLogoutToken(await tokenFor(aud), pair(), { now: clock.now })
    expect(await read(names)).toMatchObject({ clientId: 'web', clientIds: names })
    expect(await read('admin')).toMatchObject({ clientId: 'admin', clientIds: ['admin'] })
  })

  test('ends watched sessions of each registration', async () => {
    const logout = create(op, { issuers: pair() })
    const listeners = names.map((clientId) => {
      const listener = vi.fn()
      logout.watch(op.session({ clientId }), listener)
      return listener
    })
    await logout.receive(await tokenFor())
    for (const listener of listeners) expect(listener).toHaveBeenCalledOnce()
    await logout.close()
  })
})

describe('RP-12b: each registration checks the token by its own settings', () => {
  const old = () => tokenFor(names, { iat: now - 200 })
  const withoutExp = () => tokenFor(names, { exp: undefined })
  const withoutSid = () => tokenFor(names, { sid: undefined })

  test.each<[rule: string, strict: Partial<TrustedIssuer>, loose: Partial<TrustedIssuer>, () => Promise<string>]>([
    ['algorithms', { algorithms: ['ES256'] }, {}, tokenFor],
    ['requireExp', {}, { requireExp: false }, withoutExp],
    ['requireSid', { requireSid: true }, {}, withoutSid],
    ['requireTyp', { requireTyp: true }, {}, () => op.logoutToken({ aud: names }, { typ: 'JWT' })],
    ['maxTokenAge', { maxTokenAge: 100 }, {}, old],
    ['clockTolerance', { clockTolerance: 0 }, {}, () => tokenFor(names, { iat: now - 90, exp: now - 30 })],
  ])('%s', async (_, strict, loose, make) => {
    const token = await make()
    expect(await clientsOf(pair(strict, loose), token)).toEqual(['admin'])
    expect(await clientsOf(pair(loose, strict), token)).toEqual(['web'])
  })

  test('if no registration accepts the token, the first error is thrown', async () => {
    const refused = async (issuers: TrustedIssuer[]) => refusal(create(op, { issuers }).receive(await withoutSid()))
    const [sid, alg] = [{ requireSid: true }, { algorithms: ['ES256'] }]
    expect(await refused(pair(sid, alg))).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'sid' })
    expect(await refused(pair(alg, sid))).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_SIGNATURE' })
  })

  test('iatSkew: each registration dates its own marker', async () => {
    const logout = create(op, { issuers: pair({ iatSkew: 2 }) })
    await logout.receive(await tokenFor(names, { iat: now - 5 }))
    const ended = [6, 5, 4, 3, 2].map((age) => endedBy(logout, { iat: now - age }))
    expect(await Promise.all(ended)).toEqual([names, names, ['web'], ['web'], []])
  })

  test('logoutScope: a registration with logoutScope "subject" ends only its own sessions', async () => {
    const destroyed: string[] = []
    const logout = create(op, {
      issuers: pair({ logoutScope: 'subject' }),
      destroySession: (sessionId) => destroyed.push(sessionId),
    })
    for (const clientId of names)
      for (const sid of ['session-1', 'session-2'])
        await logout.trackSession(op.session({ clientId, sid }), `${clientId} ${sid}`)
    await logout.receive(await tokenFor())
    expect(await endedBy(logout)).toEqual(names)
    expect(await endedBy(logout, { sid: 'session-2' })).toEqual(['web'])
    expect(await endedBy(logout, { sid: undefined })).toEqual(names)
    expect(destroyed.toSorted()).toEqual(['admin session-1', 'web session-1', 'web session-2'])
  })

  test('a client secret is the key of its own registration only', async () => {
    const [web, admin] = ['w', 'a'].map((letter) => letter.repeat(32))
    const hs = (clientSecret: string | undefined) => ({ algorithms: ['HS256'], clientSecret })
    const payload = { ...JSON.parse(Buffer.from((await tokenFor()).split('.')[1]!, 'base64url').toString()) } as object
    const token = await op.sign(payload, { alg: 'HS256' }, new TextEncoder().encode(admin))
    expect(await clientsOf(pair(hs(web), hs(admin)), token)).toEqual(['admin'])
    expect(await clientsOf(pair(hs(admin), hs(admin)), token)).toEqual(names)
  })
})

describe('RP-12b: the work for several registrations', () => {
  test('a signature is verified once for each source of keys', async () => {
    const keys = vi.fn(async () => op.key.publicKey)
    const clients = Array.from({ length: 5 }, (_, index) => `client-${index}`)
    const issuers = clients.map((clientId) => ({ ...op.trusted, clientId, keys, trustedAudiences: clients }))
    const verified = vi.spyOn(crypto.subtle, 'verify')
    const { clientIds } = await create(op, { issuers }).receive(await tokenFor(clients))
    expect(clientIds).toEqual(clients)
    expect(keys).toHaveBeenCalledOnce()
    expect(verified).toHaveBeenCalledOnce()
    verified.mockClear()
    // Four registrations share one client secret.
    const secrets = [...Array.from({ length: 4 }, () => 's'.repeat(32)), 't'.repeat(32)]
    const symmetric = issuers.map((one, index) => ({ ...one, algorithms: ['HS256'], clientSecret: secrets[index] }))
    const [, payload] = (await tokenFor(clients)).split('.')
    const token = await op.sign(
      Buffer.from(payload!, 'base64url'),
      { alg: 'HS256' },
      new TextEncoder().encode(secrets[0]),
    )
    expect((await create(op, { issuers: symmetric }).receive(token)).clientIds).toEqual(clients.slice(0, 4))
    expect(verified).toHaveBeenCalledTimes(2)
    verified.mockRestore()
  })

  test('the store is read once, with each key once', async () => {
    const store = new SpyStore()
    const hints: string[] = []
    const publish = async (hint: string): Promise<void> => void hints.push(hint)
    await create(op, { issuers: pair(), store: Object.assign(store, { publish }) }).receive(await tokenFor())
    const [asked, ...more] = store.calls.filter((call) => call.startsWith('values'))
    expect(more).toEqual([])
    const keys = asked!.slice('values '.length).split(' ')
    expect(keys.map((key) => (JSON.parse(key) as string[])[1]).toSorted()).toEqual([
      'done',
      'done',
      'logout',
      'logout',
      'session',
      'session',
    ])
    expect(new Set(keys).size).toBe(keys.length)
    const told = (JSON.parse(hints[0]!) as unknown[]).slice(1)
    expect([hints.length, told.length, new Set(told).size]).toEqual([1, 2, 2])
  })

  test('an older marker of each registration is removed', async () => {
    const store = new SpyStore()
    const logout = create(op, { issuers: pair(), store })
    for (const age of [9, 5]) await logout.receive(await tokenFor(names, { iat: now - age }))
    const markers = [...store.entries].filter(([key]) => key.includes('"logout"'))
    for (const [, values] of markers)
      expect([...values.keys()]).toEqual(names.map((clientId) => JSON.stringify([clientId, now - 5])))
  })

  test('if two registrations end one tracked session, it is destroyed once and untracked once', async () => {
    const store = new SpyStore()
    const destroySession = vi.fn()
    const logout = create(op, { issuers: pair(), store, destroySession })
    await logout.trackSession(op.session(), 'local')
    await logout.receive(await tokenFor())
    expect(destroySession).toHaveBeenCalledOnce()
    const removed = store.calls.filter((call) => call.startsWith('remove'))
    expect([removed.length, new Set(removed).size]).toEqual([2, 2])
  })
})

describe('RP-24, RP-12b: a replay for several registrations', () => {
  test('is a replay if the token was carried out for each registration', async () => {
    const logout = create(op, { issuers: pair(), replay: 'reject' })
    const token = await tokenFor()
    expect((await logout.receive(token)).replayed).toBe(false)
    expect((await refusal(logout.receive(token))).code).toBe('ERR_LOGOUT_TOKEN_REPLAYED')
  })

  test('is carried out again if it was carried out for only one registration', async () => {
    const store = new MemoryStore({ now: clock.now })
    const token = await tokenFor()
    const first = create(op, { issuers: pair({}, { algorithms: ['ES256'] }), store })
    expect((await first.receive(token)).clientIds).toEqual(['web'])
    const both = create(op, { issuers: pair(), store, replay: 'reject' })
    const listener = vi.fn()
    both.onLogout(listener)
    expect(await both.receive(token)).toMatchObject({ clientIds: names, replayed: false })
    expect(listener).toHaveBeenCalledOnce()
    expect(await endedBy(both)).toEqual(names)
    expect((await refusal(both.receive(token))).code).toBe('ERR_LOGOUT_TOKEN_REPLAYED')
  })
})
