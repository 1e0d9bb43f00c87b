import { createBackchannelLogout, MemoryStore, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { CompactEncrypt, exportJWK, generateKeyPair } from 'jose'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { advance, create, createClock, deferred, refusal } from './support.js'

const op = await createTestIssuer()

describe('RP-12: several registrations at one issuer', () => {
  const issuers: TrustedIssuer[] = [
    { ...op.trusted, clientId: 'a', trustedAudiences: ['b'] },
    { ...op.trusted, clientId: 'b', trustedAudiences: ['a', 'api'] },
    { ...op.trusted, clientId: 'c', algorithms: ['ES256'] },
  ]
  const clientsOf = async (claims: object) =>
    (await create(op, { issuers }).receive(await op.logoutToken(claims))).clientIds

  test('aud chooses the registration', async () => {
    expect(await clientsOf({ aud: 'a' })).toEqual(['a'])
    expect(await clientsOf({ aud: ['b'] })).toEqual(['b'])
    expect(await clientsOf({ aud: ['api', 'b'] })).toEqual(['b'])
    expect(await clientsOf({ aud: ['b', 'a'] })).toEqual(['a', 'b'])
    expect(await clientsOf({ aud: ['a', 'b', 'api'] })).toEqual(['b'])
  })

  test('RP-12a: azp chooses among the registrations in aud', async () => {
    expect(await clientsOf({ aud: ['a', 'b'], azp: 'b' })).toEqual(['b'])
    expect((await refusal(clientsOf({ aud: 'a', azp: null }))).claim).toBe('azp')
  })

  test('RP-13: the registration in aud decides the algorithm', async () => {
    expect((await refusal(clientsOf({ aud: 'c' }))).code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  })

  test.each([
    [{ aud: 'd' }, 'aud', 'a'],
    [{ aud: ['api', 'a'] }, 'aud', 'a'],
    [{ aud: ['a', 'b'], azp: 'c' }, 'azp', 'a'],
  ])('%j is refused', async (claims, claim, expected) => {
    expect(await refusal(clientsOf(claims))).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim, expected })
  })
})

describe('RP-11: an issuer function', () => {
  const clock = createClock(op.now())
  const using = (issuers: (iss: string) => unknown) =>
    createBackchannelLogout({
      issuers: issuers as (iss: string) => TrustedIssuer,
      sessionMaxAge: 3600,
      store: new MemoryStore(),
      now: clock.now,
      fetch: op.fetch,
    })
  /** An issuer function that reads its answer at once, and then waits for `wait`. */
  const holding = (answer: () => unknown) => {
    const held = {
      wait: Promise.resolve(),
      issuers: vi.fn(async () => {
        const found = answer()
        await held.wait
        return found
      }),
    }
    return held
  }
  const token = (claims: object = {}) => op.logoutToken({ iat: clock.time, exp: clock.time + 120, ...claims })
  const codeOf = async (logout: ReturnType<typeof using>, claims: object = {}) =>
    logout.receive(await token(claims)).then(
      () => 'ok',
      (error: unknown) => (error as { code: string }).code,
    )

  test('RP-11c: is called once a minute, for tokens and for sessions', async () => {
    const issuers = vi.fn(async () => op.trusted)
    const logout = using(issuers)
    expect(await codeOf(logout)).toBe('ok')
    expect(await logout.isLoggedOut(op.session())).toBe(true)
    expect(await logout.trackSession(op.session({ sid: 'other' }), 'id')).toBe(true)
    advance(clock, 59)
    await codeOf(logout)
    expect(issuers).toHaveBeenCalledTimes(1)
    advance(clock, 1)
    await codeOf(logout)
    expect(issuers).toHaveBeenCalledTimes(2)
    expect(issuers).toHaveBeenCalledWith(op.issuer)
  })

  test('is called once for many simultaneous tokens', async () => {
    const issuers = vi.fn(async () => op.trusted)
    const logout = using(issuers)
    await Promise.all(Array.from({ length: 20 }, () => codeOf(logout)))
    expect(issuers).toHaveBeenCalledTimes(1)
  })

  test('is called again if the runtime has ended the call together with its request', async () => {
    // The first call never answers, and the fake timer that limits this call never fires.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const issuers = vi
      .fn()
      .mockReturnValueOnce(new Promise(() => {}))
      .mockResolvedValue(op.trusted)
    const logout = using(issuers)
    void codeOf(logout)
    while (issuers.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    advance(clock, 1.4)
    void codeOf(logout)
    await new Promise((resolve) => setImmediate(resolve))
    expect(issuers).toHaveBeenCalledTimes(1)
    advance(clock, 0.2)
    expect(await codeOf(logout)).toBe('ok')
    advance(clock, 59)
    expect(await codeOf(logout)).toBe('ok')
    expect(issuers).toHaveBeenCalledTimes(2)
  })

  test('calls that the runtime has ended do not count as calls in progress', async () => {
    // The fake timers never fire, so only the clock ends these calls.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const issuers = vi.fn((iss: string) => (iss === op.issuer ? op.trusted : new Promise(() => {})))
    const logout = using(issuers)
    for (let index = 0; index < 7; index += 1) void codeOf(logout, { iss: `https://ended-${index}.example` })
    while (issuers.mock.calls.length < 7) await new Promise((resolve) => setImmediate(resolve))
    advance(clock, 1.6)
    expect(await codeOf(logout)).toBe('ok')
  })

  test('if an ended call fails later, other tokens still share the next call', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const [ended, next] = [deferred<TrustedIssuer>(), deferred<TrustedIssuer>()]
    const issuers = vi.fn().mockReturnValueOnce(ended.promise).mockReturnValueOnce(next.promise)
    const logout = using(issuers)
    const calls = async (count: number) => {
      while (issuers.mock.calls.length < count) await new Promise((resolve) => setImmediate(resolve))
    }
    const first = codeOf(logout)
    await calls(1)
    advance(clock, 1.6)
    const second = codeOf(logout)
    await calls(2)
    ended.reject(new Error('This promise was created by a request that has since ended'))
    expect(await first).toBe('ERR_LOGOUT_FAILED')
    const other = await token()
    const third = logout.receive(other)
    await new Promise((resolve) => setImmediate(resolve))
    next.resolve(op.trusted)
    expect([await second, (await third).replayed]).toEqual(['ok', false])
    expect(issuers).toHaveBeenCalledTimes(2)
  })

  test('is called again if it found no issuer: five times for tokens, and four more times for sessions', async () => {
    const issuers = vi.fn(() => undefined)
    const logout = using(issuers)
    for (let times = 0; times < 50; times += 1) expect(await codeOf(logout)).toBe('ERR_LOGOUT_TOKEN_CLAIM')
    expect(issuers).toHaveBeenCalledTimes(5)
    for (let times = 0; times < 50; times += 1)
      await expect(logout.isLoggedOut(op.session())).rejects.toThrow(TypeError)
    expect(issuers).toHaveBeenCalledTimes(9)
    advance(clock, 15)
    await codeOf(logout)
    await codeOf(logout)
    expect(issuers).toHaveBeenCalledTimes(10)
  })

  test.each([
    ['has sent a valid token', {}, 'ok'],
    ['has sent no valid token', { aud: 'unknown' }, 'ERR_LOGOUT_TOKEN_CLAIM'],
  ])('the removal of a tenant that %s is cached, like any answer', async (_, claims, first) => {
    const issuers = vi.fn((): TrustedIssuer | undefined => op.trusted)
    const logout = using(issuers)
    expect(await codeOf(logout, claims)).toBe(first)
    issuers.mockClear().mockReturnValue(undefined)
    advance(clock, 120)
    for (let times = 0; times < 20; times += 1) expect(await codeOf(logout)).toBe('ERR_LOGOUT_TOKEN_CLAIM')
    expect(issuers).toHaveBeenCalledTimes(5)
  })

  test('is not called for a token whose iss is not text', async () => {
    const issuers = vi.fn(() => op.trusted)
    for (const iss of [undefined, '', 7, [op.issuer]])
      expect(await codeOf(using(issuers), { iss })).toBe('ERR_LOGOUT_TOKEN_CLAIM')
    expect(issuers).not.toHaveBeenCalled()
  })

  test('a new tenant is found by the first session and by the first token', async () => {
    for (const first of ['session', 'token']) {
      const tenants: TrustedIssuer[] = []
      const logout = using((iss) => tenants.find(({ issuer }) => issuer === iss))
      expect(await codeOf(logout)).toBe('ERR_LOGOUT_TOKEN_CLAIM')
      await expect(logout.isLoggedOut(op.session())).rejects.toThrow(TypeError)
      tenants.push(op.trusted)
      if (first === 'session') expect(await logout.isLoggedOut(op.session())).toBe(false)
      else expect(await codeOf(logout)).toBe('ok')
    }
  })

  test('RP-11d: a new client is found by the first session and by the first token', async () => {
    for (const first of ['session', 'token']) {
      const clients: TrustedIssuer[] = [op.trusted]
      const logout = using(() => [...clients])
      expect(await codeOf(logout)).toBe('ok')
      clients.push({ ...op.trusted, clientId: 'added' })
      if (first === 'session')
        expect(await logout.isLoggedOut(op.session({ clientId: 'added', sid: 'its own' }))).toBe(false)
      else expect(await codeOf(logout, { aud: 'added' })).toBe('ok')
    }
  })

  test('RP-11d: tokens and checks of a new client join a call in progress, also without a permit', async () => {
    const clients: TrustedIssuer[] = [op.trusted]
    const held = holding(() => [...clients])
    const logout = using(held.issuers)
    expect(await codeOf(logout)).toBe('ok')
    clients.push({ ...op.trusted, clientId: 'added' })
    const slow = deferred()
    held.wait = slow.promise
    const sendAll = (aud: string) => Promise.all(Array.from({ length: 6 }, () => codeOf(logout, { aud })))
    const session = op.session({ clientId: 'added', sid: 'its own' })
    const unknown = sendAll('unknown')
    const genuine = sendAll('added')
    const checks = Promise.all(Array.from({ length: 6 }, async () => logout.isLoggedOut(session)))
    while (held.issuers.mock.calls.length < 3) await new Promise((resolve) => setImmediate(resolve))
    slow.resolve()
    expect(await genuine).toEqual(Array(6).fill('ok'))
    expect(await checks).toEqual(Array(6).fill(false))
    expect(await unknown).toEqual(Array(6).fill('ERR_LOGOUT_TOKEN_CLAIM'))
  })

  test('RP-11c: a slow call does not replace the answer of a call that began later', async () => {
    const next = await createTestIssuer({ issuer: op.issuer })
    let answer: TrustedIssuer = op.trusted
    const held = holding(() => answer)
    const logout = using(held.issuers)
    const slow = deferred()
    held.wait = slow.promise
    const first = codeOf(logout)
    while (held.issuers.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    held.wait = Promise.resolve()
    answer = { ...op.trusted, keys: next.jwks }
    advance(clock, 1)
    await logout.endAllSessions({ iss: op.issuer, sub: 'bob', before: clock.time })
    slow.resolve()
    await first
    expect(await logout.receive(await next.logoutToken({ iat: clock.time, exp: clock.time + 120 }))).toBeDefined()
    expect(held.issuers).toHaveBeenCalledTimes(2)
  })

  test('RP-11d: a logout for all clients also ends the sessions of a new client', async () => {
    const clients: TrustedIssuer[] = [op.trusted]
    const logout = using(() => [...clients])
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    clients.push({ ...op.trusted, clientId: 'added' })
    const { iss, sub, sid, iat } = op.session()
    const all = [op.clientId, 'added']
    expect((await logout.endAllSessions({ iss, sub })).clientIds).toEqual(all)
    clients.push({ ...op.trusted, clientId: 'a third client' })
    all.push('a third client')
    expect((await logout.endSession({ iss, sid, iat })).clientIds).toEqual(all)
  })

  test('RP-11d: a logout for all clients does not join a call that began before it', async () => {
    const clients: TrustedIssuer[] = [op.trusted]
    const held = holding(() => [...clients])
    const logout = using(held.issuers)
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    const { iss, sub } = op.session()
    const slow = deferred()
    held.wait = slow.promise
    const first = logout.endAllSessions({ iss, sub: 'bob' })
    expect(held.issuers).toHaveBeenCalledTimes(2)
    clients.push({ ...op.trusted, clientId: 'added' })
    advance(clock, 0.1)
    const second = logout.endAllSessions({ iss, sub })
    slow.resolve()
    expect((await first).clientIds).toEqual([op.clientId])
    expect((await second).clientIds).toEqual([op.clientId, 'added'])
  })

  test.each(['endSession', 'endAllSessions'] as const)(
    'RP-11d: %s for all clients uses the cached answer if the function fails',
    async (name) => {
      let fails = false
      const logout = using(() => (fails ? Promise.reject(new Error('down')) : op.trusted))
      expect(await logout.isLoggedOut(op.session())).toBe(false)
      fails = true
      const { iss, sub, iat } = op.session()
      const ending = () =>
        name === 'endSession' ? logout.endSession({ iss, sub, iat }) : logout.endAllSessions({ iss, sub })
      expect((await ending()).clientIds).toEqual([op.clientId])
      advance(clock, 121)
      expect((await refusal(ending())).code).toBe('ERR_LOGOUT_FAILED')
    },
  )

  test('RP-11d: a logout for all clients uses the cached answer if the function knows nothing for a moment', async () => {
    let answer: TrustedIssuer | undefined = op.trusted
    const logout = using(() => answer)
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    answer = undefined
    const { iss, sub, iat } = op.session()
    expect((await logout.endSession({ iss, sub, iat })).clientIds).toEqual([op.clientId])
  })

  test('RP-11d: a new client gets its logout, although the known client refuses the token by its own rule', async () => {
    const known = { ...op.trusted, trustedAudiences: ['added'], requireSid: true }
    const clients: TrustedIssuer[] = [known]
    const logout = using(() => [...clients])
    expect(await codeOf(logout)).toBe('ok')
    clients.push({ ...op.trusted, clientId: 'added', trustedAudiences: [op.clientId] })
    const { clientIds } = await logout.receive(await token({ aud: [op.clientId, 'added'], sid: undefined }))
    expect(clientIds).toEqual(['added'])
  })

  test('RP-13: a new client with other keys does not accept the signature of the old keys', async () => {
    const next = await createTestIssuer({ issuer: op.issuer })
    let clients: TrustedIssuer[] = [{ ...op.trusted, trustedAudiences: ['added'] }]
    const logout = using(() => clients)
    expect(await codeOf(logout)).toBe('ok')
    clients = [op.clientId, 'added'].map((clientId) => ({
      ...op.trusted,
      clientId,
      keys: next.jwks,
      trustedAudiences: [op.clientId, 'added'],
    }))
    const { clientIds } = await logout.receive(await token({ aud: [op.clientId, 'added'] }))
    expect(clientIds).toEqual([op.clientId])
  })

  test('RP-12b: a token for a known client and a new client with new keys ends the sessions of both', async () => {
    const next = await createTestIssuer({ issuer: op.issuer })
    let clients: TrustedIssuer[] = [{ ...op.trusted, trustedAudiences: ['added'] }]
    const logout = using(() => clients)
    expect(await codeOf(logout)).toBe('ok')
    const both = [op.clientId, 'added']
    clients = both.map((clientId) => ({ ...op.trusted, clientId, keys: next.jwks, trustedAudiences: both }))
    const { clientIds } = await logout.receive(
      await next.logoutToken({ aud: both, iat: clock.time, exp: clock.time + 120 }),
    )
    expect(clientIds).toEqual(both)
  })

  test('RP-11d: a verified token is carried out, although its cached answer expired meanwhile and the function fails', async () => {
    let fails = false
    let keysWait = Promise.resolve()
    const remote = { issuer: op.issuer, clientId: op.clientId, trustedAudiences: ['api'] }
    const logout = createBackchannelLogout({
      issuers: () => (fails ? Promise.reject(new Error('down')) : remote),
      sessionMaxAge: 3600,
      store: new MemoryStore(),
      now: clock.now,
      fetch: async (...args) => {
        await keysWait
        return op.fetch(...args)
      },
    })
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    const slow = deferred()
    keysWait = slow.promise
    const receiving = logout.receive(await token({ aud: [op.clientId, 'api'] }))
    await new Promise((resolve) => setImmediate(resolve))
    advance(clock, 121)
    fails = true
    slow.resolve()
    expect((await receiving).clientIds).toEqual([op.clientId])
  })

  test('RP-11d: logouts for all clients leave the permits of checks', async () => {
    const clients: TrustedIssuer[] = [op.trusted]
    const logout = using(() => [...clients])
    const { iss, sub } = op.session()
    for (let times = 0; times < 10; times += 1) await logout.endAllSessions({ iss, sub, before: op.now() - 600 })
    clients.push({ ...op.trusted, clientId: 'added' })
    expect(await logout.isLoggedOut(op.session({ clientId: 'added' }))).toBe(false)
  })

  test('RP-11d: if the function fails, a token with an audience that is no client is carried out', async () => {
    let fails = false
    const issuer = { ...op.trusted, trustedAudiences: ['api'] }
    const issuers = vi.fn(() => (fails ? Promise.reject(new Error('down')) : issuer))
    const logout = using(issuers)
    expect(await codeOf(logout)).toBe('ok')
    fails = true
    for (let times = 0; times < 8; times += 1) expect(await codeOf(logout, { aud: [op.clientId, 'api'] })).toBe('ok')
    advance(clock, 70)
    expect(await codeOf(logout, { aud: [op.clientId, 'api'] })).toBe('ok')
  })

  test('RP-11d: a valid token with an audience that is no client causes at most one call a second', async () => {
    let fails = false
    const issuer = { ...op.trusted, trustedAudiences: ['api'] }
    const issuers = vi.fn(() => (fails ? Promise.reject(new Error('down')) : issuer))
    const logout = using(issuers)
    const captured = await token({ aud: [op.clientId, 'api'] })
    const sendAgain = async () => {
      advance(clock, 1)
      const before = issuers.mock.calls.length
      for (let times = 0; times < 50; times += 1) expect((await logout.receive(captured)).clientIds).toHaveLength(1)
      return issuers.mock.calls.length - before
    }
    expect([await sendAgain(), await sendAgain()]).toEqual([1, 1])
    // Failed calls have permits: ten at once, then one a second.
    fails = true
    expect([await sendAgain(), await sendAgain()]).toEqual([10, 1])
    fails = false
    expect([await sendAgain(), await sendAgain()]).toEqual([1, 1])
  })

  test('RP-11i: calls for endAllSessions give no permits to a captured token', async () => {
    let fails = false
    const issuer = { ...op.trusted, trustedAudiences: ['api'] }
    const issuers = vi.fn(() => (fails ? Promise.reject(new Error('down')) : issuer))
    const logout = using(issuers)
    const captured = await token({ aud: [op.clientId, 'api'] })
    const { iss, sub } = op.session()
    const failedCalls = async () => {
      fails = false
      for (let times = 0; times < 10; times += 1) await logout.endAllSessions({ iss, sub })
      advance(clock, 1)
      fails = true
      issuers.mockClear()
      for (let times = 0; times < 20; times += 1) await logout.receive(captured)
      return issuers.mock.calls.length
    }
    expect([await failedCalls(), await failedCalls()]).toEqual([10, 1])
  })

  test('RP-11d: each of 20 valid tokens at once ends the sessions of a new client', async () => {
    const both = [op.clientId, 'added']
    let clients = [op.clientId]
    const held = holding(() => clients.map((clientId) => ({ ...op.trusted, clientId, trustedAudiences: both })))
    const logout = using(held.issuers)
    expect(await codeOf(logout)).toBe('ok')
    advance(clock, 1)
    clients = both
    const slow = deferred()
    held.wait = slow.promise
    const verify = vi.spyOn(crypto.subtle, 'verify')
    onTestFinished(() => verify.mockRestore())
    const logouts = Array.from({ length: 20 }, async () => (await logout.receive(await token({ aud: both }))).clientIds)
    while (verify.mock.results.length < 20) await new Promise((resolve) => setImmediate(resolve))
    await Promise.all(verify.mock.results.map(({ value }) => value))
    await new Promise((resolve) => setImmediate(resolve))
    slow.resolve()
    expect(await Promise.all(logouts)).toEqual(Array.from({ length: 20 }, () => both))
    expect(held.issuers).toHaveBeenCalledTimes(2)
  })

  test('RP-11d: forged tokens with a second audience cause at most ten calls, and cannot stop genuine tokens', async () => {
    let clients: TrustedIssuer[] = [{ ...op.trusted, trustedAudiences: ['added'] }]
    const issuers = vi.fn(() => [...clients])
    const logout = using(issuers)
    expect(await codeOf(logout)).toBe('ok')
    for (const aud of [['added'], ['made up']])
      for (let times = 0; times < 100; times += 1) {
        const [header, payload] = (await token({ aud: [op.clientId, ...aud] })).split('.')
        expect((await refusal(logout.receive(`${header}.${payload}.AAAA`))).code).toMatch(/SIGNATURE|CLAIM/)
      }
    expect(issuers.mock.calls.length).toBeLessThanOrEqual(10)
    clients = [...clients, { ...op.trusted, clientId: 'added', trustedAudiences: [op.clientId] }]
    advance(clock, 1)
    const { clientIds } = await logout.receive(await token({ aud: [op.clientId, 'added'] }))
    expect(clientIds).toEqual([op.clientId, 'added'])
  })

  test.each([
    ['that trusted it before', ['added']],
    ['that trusts it from now on', []],
  ])('RP-11d: a token ends the sessions of a new client and of a client %s', async (_, trustedAudiences) => {
    let issuers: TrustedIssuer[] = [{ ...op.trusted, trustedAudiences }]
    const logout = using(() => issuers)
    expect(await codeOf(logout)).toBe('ok')
    issuers = [
      { ...op.trusted, trustedAudiences: ['added'] },
      { ...op.trusted, clientId: 'added', trustedAudiences: [op.clientId] },
    ]
    advance(clock, 1)
    const { clientIds } = await logout.receive(await token({ aud: [op.clientId, 'added'] }))
    expect(clientIds).toEqual([op.clientId, 'added'])
  })

  test.each(['the same key', 'a key of its own'])(
    'RP-11d: an encrypted token finds a new client with %s',
    async (which) => {
      const [first, second] = await Promise.all(
        ['first', 'second'].map(async (kid) => {
          const { publicKey, privateKey } = await generateKeyPair('RSA-OAEP', { extractable: true })
          return { kid, publicKey, privateKey: { ...(await exportJWK(privateKey)), kid } }
        }),
      )
      const own = which === 'the same key' ? first! : second!
      const decryptedBy = ({ privateKey }: typeof own) => ({ keys: [privateKey], alg: ['RSA-OAEP'], enc: ['A256GCM'] })
      const encrypted = async ({ kid, publicKey }: typeof own, claims: object) =>
        new CompactEncrypt(new TextEncoder().encode(await token(claims)))
          .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', iss: op.issuer, kid })
          .encrypt(publicKey)
      const clients: TrustedIssuer[] = [{ ...op.trusted, decryption: decryptedBy(first!) }]
      const logout = using(() => [...clients])
      expect(await logout.receive(await encrypted(first!, {}))).toMatchObject({ clientIds: [op.clientId] })
      clients.push({ ...op.trusted, clientId: 'added', decryption: decryptedBy(own) })
      expect(await logout.receive(await encrypted(own, { aud: 'added' }))).toMatchObject({ clientIds: ['added'] })
    },
  )

  test('RP-16: an encrypted token cannot name another issuer inside than in its header', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RSA-OAEP', { extractable: true })
    const decryption = { keys: [privateKey], alg: ['RSA-OAEP'], enc: ['A256GCM'] }
    const logout = using((issuer) => ({ ...op.trusted, issuer, decryption }))
    const encrypted = (iss: string) =>
      token().then((jws) =>
        new CompactEncrypt(new TextEncoder().encode(jws))
          .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', iss })
          .encrypt(publicKey),
      )
    expect(await logout.receive(await encrypted(op.issuer))).toMatchObject({ iss: op.issuer })
    const refused = await refusal(logout.receive(await encrypted('https://other.example')))
    expect(refused).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'iss' })
  })

  test('RP-11d: 200 tokens for an unknown client cause at most ten calls', async () => {
    const issuers = vi.fn(async () => op.trusted)
    const logout = using(issuers)
    const outcomes: string[] = []
    for (let times = 0; times < 100; times += 1) outcomes.push(await codeOf(logout, { aud: 'unknown' }))
    const tokens = await Promise.all(Array.from({ length: 100 }, () => token({ aud: 'unknown' })))
    outcomes.push(...(await Promise.all(tokens.map(async (one) => (await refusal(logout.receive(one))).code))))
    expect(new Set(outcomes)).toEqual(new Set(['ERR_LOGOUT_TOKEN_CLAIM']))
    expect(issuers.mock.calls.length).toBeLessThanOrEqual(10)
    // Calls for sessions have their own permits.
    await expect(logout.isLoggedOut(op.session({ clientId: 'unknown' }))).rejects.toThrow(TypeError)
    expect(issuers.mock.calls.length).toBeLessThanOrEqual(6)
  })

  test('during its refresh, an old answer counts for 60 more seconds, and no longer', async () => {
    const asked = vi.fn()
    let answer: () => unknown = () => op.trusted
    const logout = using(() => (asked(), answer()))
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    answer = () => new Promise(() => {})
    advance(clock, 119)
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    expect(asked).toHaveBeenCalledTimes(2)
    advance(clock, 2)
    answer = () => undefined
    await expect(logout.isLoggedOut(op.session())).rejects.toThrow(TypeError)
    answer = () => op.trusted
    expect(await logout.isLoggedOut(op.session())).toBe(false)
  })

  test('a failed refresh is reported, and the old answer counts for at most 60 more seconds', async () => {
    const onError = vi.fn()
    let isDown = false
    const logout = createBackchannelLogout({
      issuers: () => (isDown ? Promise.reject(new Error('database')) : op.trusted),
      sessionMaxAge: 3600,
      store: new MemoryStore(),
      now: clock.now,
      onError,
    })
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    isDown = true
    advance(clock, 100)
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce())
    advance(clock, 21)
    expect((await refusal(logout.isLoggedOut(op.session()))).code).toBe('ERR_LOGOUT_FAILED')
  })

  test('RP-11c: the cache of answers without a registration is bounded, and evicts no other answer', async () => {
    const issuers = vi.fn((iss: string) => (iss === op.issuer ? op.trusted : undefined))
    const logout = using(issuers)
    expect(await codeOf(logout)).toBe('ok')
    for (let index = 0; index < 1100; index += 1) await codeOf(logout, { iss: `https://${index}.example` })
    expect(issuers).toHaveBeenCalledTimes(1101)
    expect(await logout.isLoggedOut(op.session({ sid: 'other' }))).toBe(false)
    expect(await codeOf(logout)).toBe('ok')
    expect(issuers).toHaveBeenCalledTimes(1101)
  })

  test('RP-11c: answers without a registration do not evict the answer for a tenant without a valid token', async () => {
    const issuers = vi.fn((iss: string) => (iss === op.issuer ? op.trusted : undefined))
    const logout = using(issuers)
    expect(await codeOf(logout, { aud: 'unknown' })).toBe('ERR_LOGOUT_TOKEN_CLAIM')
    for (let index = 0; index < 1100; index += 1) await codeOf(logout, { iss: `https://${index}.example` })
    expect(await codeOf(logout)).toBe('ok')
    expect(issuers).toHaveBeenCalledTimes(1101)
  })

  describe('the time limits of an answer, exactly', () => {
    // The clock moves only when the test moves it.
    const after = (seconds: number) => void vi.advanceTimersByTime(seconds * 1000)
    beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }))
    afterEach(() => void vi.useRealTimers())

    test.each([
      [59, 1],
      [60, 2],
      [119, 2],
    ])('after %i s, a check uses the answer, and %i calls have begun', async (seconds, calls) => {
      const issuers = vi
        .fn()
        .mockReturnValueOnce(op.trusted)
        .mockReturnValue(new Promise(() => {}))
      const logout = using(issuers)
      expect(await logout.isLoggedOut(op.session())).toBe(false)
      after(seconds)
      expect(await logout.isLoggedOut(op.session())).toBe(false)
      expect(issuers).toHaveBeenCalledTimes(calls)
    })

    test('RP-11c: 1,000 answers without a registration are cached, and no more', async () => {
      const issuers = vi.fn(() => undefined)
      const logout = using(issuers)
      const first = { iss: 'https://first.example' }
      // These tokens use up the permits, so only the cache decides whether the function is called again.
      for (let times = 0; times < 6; times += 1) await codeOf(logout, first)
      expect(issuers).toHaveBeenCalledTimes(5)
      for (let index = 0; index < 999; index += 1) await codeOf(logout, { iss: `https://${index}.example` })
      issuers.mockClear()
      await codeOf(logout, first)
      expect(issuers).not.toHaveBeenCalled()
      for (let index = 999; index < 1999; index += 1) await codeOf(logout, { iss: `https://${index}.example` })
      issuers.mockClear()
      await codeOf(logout, first)
      expect(issuers).toHaveBeenCalledOnce()
    })

    test('after 120 s, a check waits for a new answer', async () => {
      const logout = using(vi.fn().mockReturnValueOnce(op.trusted).mockReturnValue(undefined))
      expect(await logout.isLoggedOut(op.session())).toBe(false)
      after(120)
      await expect(logout.isLoggedOut(op.session())).rejects.toThrow(TypeError)
    })

    test.each([
      ['59 s, an answer without an issuer counts if there is no permit', 59, 'ERR_LOGOUT_TOKEN_CLAIM', 4],
      ['60 s, an answer without an issuer does not count', 60, 'ERR_LOGOUT_FAILED', 6],
    ])('after %s', async (_, seconds, last, calls) => {
      let isDown = false
      const issuers = vi.fn(() => (isDown ? Promise.reject(new Error('database')) : undefined))
      const logout = using(issuers)
      expect(await codeOf(logout)).toBe('ERR_LOGOUT_TOKEN_CLAIM')
      isDown = true
      after(seconds)
      issuers.mockClear()
      const codes: string[] = []
      for (let times = 0; times < 6; times += 1) codes.push(await codeOf(logout))
      expect([issuers.mock.calls.length, codes.at(-1)]).toEqual([calls, last])
    })
  })

  test('a clock that jumps an hour ahead and back does not freeze an answer without a registration', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const jump = (seconds: number): void => {
      clock.time += seconds
      vi.setSystemTime(Date.now() + seconds * 1000)
    }
    const tenants: TrustedIssuer[] = []
    const issuers = vi.fn(() => [...tenants])
    const logout = using(issuers)
    jump(3600)
    for (let times = 0; times < 6; times += 1) expect(await codeOf(logout)).toBe('ERR_LOGOUT_TOKEN_CLAIM')
    expect(issuers).toHaveBeenCalledTimes(5)
    jump(-3600)
    tenants.push(op.trusted)
    expect(await codeOf(logout)).toBe('ERR_LOGOUT_TOKEN_CLAIM')
    advance(clock, 15)
    expect(await codeOf(logout)).toBe('ok')
    expect(issuers).toHaveBeenCalledTimes(6)
  })

  test('a clock that jumps an hour ahead and back has no effect', async () => {
    const issuers = vi.fn(() => op.trusted)
    const logout = using(issuers)
    clock.time += 3600
    expect(await codeOf(logout)).toBe('ok')
    clock.time -= 3600
    expect(await codeOf(logout)).toBe('ok')
    expect(issuers).toHaveBeenCalledTimes(1)
    advance(clock, 60)
    await codeOf(logout)
    expect(issuers).toHaveBeenCalledTimes(2)
  })

  test.each<[string, TrustedIssuer[]]>([
    [
      'two URLs',
      [new URL('https://op.example.com/a'), new URL('https://op.example.com/b')].map((keys) => ({
        ...op.trusted,
        keys,
      })),
    ],
    ['a set and discovery', [op.trusted, { issuer: op.issuer, clientId: op.clientId }]],
    ['two functions', [0, 1].map(() => ({ ...op.trusted, keys: async () => op.key.publicKey }))],
  ])('an answer with different keys for one issuer fails with a clear message: %s', async (_, answer) => {
    const clients = answer.map((one, index) => ({ ...one, clientId: `client-${index}` }))
    const error = await refusal(using(() => clients).receive(await token({ aud: 'client-0' })))
    const message = 'issuers[1].keys must be the same for one issuer'
    expect([error.code, error.cause]).toEqual(['ERR_LOGOUT_FAILED', expect.objectContaining({ message })])
    expect(() => create(op, { issuers: clients })).toThrow(new TypeError(message))
  })

  test('may return several registrations', async () => {
    const logout = using(() => [{ ...op.trusted, clientId: 'a' }, op.trusted])
    expect((await logout.receive(await token())).clientIds).toEqual(['test-client'])
    expect((await logout.receive(await token({ aud: 'a' }))).clientIds).toEqual(['a'])
  })

  test.each<[string, (iss: string) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('database')
      },
    ],
    ['rejects', () => Promise.reject(new Error('database'))],
    ['answers with another issuer', () => ({ ...op.trusted, issuer: 'https://other.example' })],
    ['answers with wrong settings', () => ({ ...op.trusted, algorithms: ['none'] })],
    ['returns a value that is not an issuer', () => 'https://op.example.com'],
  ])(
    'RP-11b, RP-11g: a function that %s causes an outage, not a refused token, and is called again',
    async (_, answer) => {
      const issuers = vi.fn(answer)
      const logout = using(issuers)
      expect([await codeOf(logout), await codeOf(logout)]).toEqual(['ERR_LOGOUT_FAILED', 'ERR_LOGOUT_FAILED'])
      expect(issuers).toHaveBeenCalledTimes(2)
      expect((await refusal(logout.isLoggedOut(op.session()))).code).toBe('ERR_LOGOUT_FAILED')
    },
  )

  test('times out if it never answers', async () => {
    expect(await codeOf(using(() => new Promise(() => {})))).toBe('ERR_LOGOUT_FAILED')
  })

  test('all answers for one issuer share one JWK Set', async () => {
    const logout = using(() => ({ issuer: op.issuer, clientId: op.clientId }))
    const before = op.requests.length
    await codeOf(logout)
    advance(clock, 61)
    await codeOf(logout)
    expect(op.requests.length - before).toBe(2)
  })

  test('claim values in its error are withheld', async () => {
    const logout = using((iss) => Promise.reject(new Error(`no row for ${iss}`)))
    const error = await refusal(logout.receive(await token({ iss: 'https://SECRET.example' })))
    expect([error.code, String(error.cause)]).toEqual(['ERR_LOGOUT_FAILED', 'Error: no row for [withheld]'])
  })
})
