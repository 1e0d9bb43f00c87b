import { createBackchannelLogout, MemoryStore, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { create, createClock, refusal } from './support.js'

const op = await createTestIssuer()

describe('RP-12: several registrations at one issuer', () => {
  const issuers: TrustedIssuer[] = [
    { ...op.trusted, clientId: 'a', trustedAudiences: ['b'] },
    { ...op.trusted, clientId: 'b', trustedAudiences: ['a', 'api'] },
    { ...op.trusted, clientId: 'c', algorithms: ['ES256'] },
  ]
  const clientOf = async (claims: object) =>
    (await create(op, { issuers }).receive(await op.logoutToken(claims))).clientId

  test('aud chooses', async () => {
    expect(await clientOf({ aud: 'a' })).toBe('a')
    expect(await clientOf({ aud: ['b'] })).toBe('b')
    expect(await clientOf({ aud: ['api', 'b'] })).toBe('b')
  })

  test('then azp', async () => {
    expect(await clientOf({ aud: ['a', 'b'] })).toBe('a')
    expect(await clientOf({ aud: ['a', 'b'], azp: 'b' })).toBe('b')
  })

  test('RP-13: and the algorithm is that of the chosen one', async () => {
    expect((await refusal(clientOf({ aud: 'c' }))).code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  })

  test.each([
    [{ aud: 'd' }, 'aud', 'a'],
    [{ aud: ['api', 'a'] }, 'aud', 'a'],
    [{ aud: ['a', 'b'], azp: 'c' }, 'azp', 'a'],
  ])('%j is refused', async (claims, claim, expected) => {
    expect(await refusal(clientOf(claims))).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim, expected })
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
  const token = (claims: object = {}) => op.logoutToken({ iat: clock.time, exp: clock.time + 120, ...claims })
  const codeOf = async (logout: ReturnType<typeof using>, claims: object = {}) =>
    logout.receive(await token(claims)).then(
      () => 'ok',
      (error: unknown) => (error as { code: string }).code,
    )

  test('is asked once a minute, by tokens and by sessions', async () => {
    const issuers = vi.fn(async () => op.trusted)
    const logout = using(issuers)
    expect(await codeOf(logout)).toBe('ok')
    expect(await logout.isLoggedOut(op.session())).toBe(true)
    expect(await logout.trackSession(op.session({ sid: 'other' }), 'id')).toBe(true)
    clock.time += 59
    await codeOf(logout)
    expect(issuers).toHaveBeenCalledTimes(1)
    clock.time += 1
    await codeOf(logout)
    expect(issuers).toHaveBeenCalledTimes(2)
    expect(issuers).toHaveBeenCalledWith(op.issuer)
  })

  test('is asked once by many at once', async () => {
    const issuers = vi.fn(async () => op.trusted)
    const logout = using(issuers)
    await Promise.all(Array.from({ length: 20 }, () => codeOf(logout)))
    expect(issuers).toHaveBeenCalledTimes(1)
  })

  test('that a runtime has ended with the request that asked is asked again', async () => {
    // As there: neither the answer nor the time that is set for it ever comes.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    const start = performance.now()
    const elapsed = vi.spyOn(performance, 'now').mockReturnValue(start)
    onTestFinished(() => {
      elapsed.mockRestore()
      vi.useRealTimers()
    })
    const issuers = vi
      .fn()
      .mockReturnValueOnce(new Promise(() => {}))
      .mockResolvedValue(op.trusted)
    const logout = using(issuers)
    void codeOf(logout)
    while (issuers.mock.calls.length === 0) await new Promise((resolve) => setImmediate(resolve))
    elapsed.mockReturnValue(start + 1499)
    expect(logout.isLoggedOut(op.session())).toBeInstanceOf(Promise)
    expect(issuers).toHaveBeenCalledTimes(1)
    elapsed.mockReturnValue(start + 1500)
    expect(await codeOf(logout)).toBe('ok')
    clock.time += 59
    expect(await codeOf(logout)).toBe('ok')
    expect(issuers).toHaveBeenCalledTimes(2)
  })

  test('that knows of none is remembered too', async () => {
    const issuers = vi.fn(() => undefined)
    const logout = using(issuers)
    expect([await codeOf(logout), await codeOf(logout)]).toEqual(['ERR_LOGOUT_TOKEN_CLAIM', 'ERR_LOGOUT_TOKEN_CLAIM'])
    expect(issuers).toHaveBeenCalledTimes(1)
    await expect(logout.isLoggedOut(op.session())).rejects.toThrow(TypeError)
  })

  test('remembers a thousand answers at most', async () => {
    const issuers = vi.fn(() => undefined)
    const logout = using(issuers)
    await codeOf(logout, { iss: 'first' })
    for (let index = 0; index < 1000; index += 1) await codeOf(logout, { iss: `https://${index}.example` })
    await codeOf(logout, { iss: 'https://999.example' })
    expect(issuers).toHaveBeenCalledTimes(1001)
    await codeOf(logout, { iss: 'first' })
    expect(issuers).toHaveBeenCalledTimes(1002)
  })

  test('may answer with several registrations', async () => {
    const logout = using(() => [{ ...op.trusted, clientId: 'a' }, op.trusted])
    expect((await logout.receive(await token())).clientId).toBe('test-client')
    expect((await logout.receive(await token({ aud: 'a' }))).clientId).toBe('a')
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
    ['answers with what is none', () => 'https://op.example.com'],
  ])('that %s is our failure, not a bad token, and is asked again', async (_, answer) => {
    const issuers = vi.fn(answer)
    const logout = using(issuers)
    expect([await codeOf(logout), await codeOf(logout)]).toEqual(['ERR_LOGOUT_FAILED', 'ERR_LOGOUT_FAILED'])
    expect(issuers).toHaveBeenCalledTimes(2)
    expect((await refusal(logout.isLoggedOut(op.session()))).code).toBe('ERR_LOGOUT_FAILED')
  })

  test('that never answers fails in its time', async () => {
    expect(await codeOf(using(() => new Promise(() => {})))).toBe('ERR_LOGOUT_FAILED')
  })

  test('key sets are shared by the answers of one issuer', async () => {
    const logout = using(() => ({ issuer: op.issuer, clientId: op.clientId }))
    const before = op.requests.length
    await codeOf(logout)
    clock.time += 61
    await codeOf(logout)
    expect(op.requests.length - before).toBe(2)
  })

  test('first-time discoveries have a budget, which all receivers of the process share', async () => {
    const requests: string[] = []
    const receivers = [0, 1].map(() =>
      createBackchannelLogout({
        issuers: (issuer) => ({ issuer, clientId: op.clientId }),
        sessionMaxAge: 3600,
        store: new MemoryStore(),
        now: clock.now,
        fetch: (async (url: string) => (
          requests.push(url),
          new Response(null, { status: 404 })
        )) as unknown as typeof fetch,
      }),
    )
    const started = performance.now()
    for (let index = 0; index < 100; index += 1)
      for (const logout of receivers)
        expect(await codeOf(logout, { iss: `https://${index}.example` })).toBe('ERR_LOGOUT_KEYS_UNAVAILABLE')
    expect(requests.length).toBeGreaterThan(20)
    // And another for each second that this took.
    expect(requests.length).toBeLessThanOrEqual(32 + (performance.now() - started) / 1000)
  })

  test('what its error repeats of the token is withheld', async () => {
    const logout = using((iss) => Promise.reject(new Error(`no row for ${iss}`)))
    const error = await refusal(logout.receive(await token({ iss: 'https://SECRET.example' })))
    expect([error.code, String(error.cause)]).toEqual(['ERR_LOGOUT_FAILED', 'Error: withheld'])
  })
})
