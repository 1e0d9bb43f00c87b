import {
  createBackchannelLogout,
  discoverKeys,
  MemoryStore,
  verifyLogoutToken,
  type BackchannelLogoutOptions,
} from '@bcl/core'
import { createTestIssuer, createTestKey, type TestIssuer } from '@bcl/testing'
import { base64url, decodeJwt, exportJWK, generateKeyPair } from 'jose'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { advance, createClock, deferred, pooledIssuer, refusal, timersOf } from './support.js'

type Fetch = (url: string, init: RequestInit) => Response | Promise<Response>

interface Discovering extends Partial<BackchannelLogoutOptions> {
  answer?: (url: string, init: RequestInit) => Response | undefined | Promise<Response | undefined>
}

/** A receiver with discovery from `op`. `answer` can replace an answer of `op`. */
function discovering(op: TestIssuer, { answer = () => undefined, ...options }: Discovering = {}) {
  const clock = createClock(op.now())
  const requests: string[] = []
  const fetch: Fetch = async (url, init) => {
    requests.push(url)
    return (await answer(url, init)) ?? op.fetch(url, init)
  }
  const onError = vi.fn()
  const logout = createBackchannelLogout({
    issuers: [{ issuer: op.issuer, clientId: op.clientId }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
    fetch: fetch as typeof globalThis.fetch,
    now: clock.now,
    onError,
    ...options,
  })
  const token = (claims: object = {}, header: object = {}) =>
    op.logoutToken({ iat: clock.time, exp: clock.time + 120, ...claims }, header)
  const outcome = async (header?: object) =>
    logout.receive(await token({}, header)).then(
      () => 'ok',
      (error: unknown) => (error as { code: string }).code,
    )
  return { clock, requests, logout, token, outcome, onError }
}

const unavailable = 'ERR_LOGOUT_KEYS_UNAVAILABLE'
const wrongSignature = 'ERR_LOGOUT_TOKEN_SIGNATURE'
const discovery = 'https://op.example.com/.well-known/openid-configuration'
const jwks = 'https://op.example.com/jwks'

describe('RP-50: discovery', () => {
  test('discovery runs once for all clients of the issuer', async () => {
    const op = await pooledIssuer()
    const issuers = ['test-client', 'second'].map((clientId) => ({ issuer: op.issuer, clientId }))
    const { requests, logout, token } = discovering(op, { issuers })
    await Promise.all([
      logout.receive(await token()),
      logout.receive(await token({ aud: 'second' })),
      logout.receive(await token({ sid: 'x' })),
    ])
    await logout.receive(await token())
    expect(requests).toEqual([discovery, jwks])
  })

  test.each([
    [
      'https://api.asgardeo.io/t/acme/oauth2/token',
      'https://api.asgardeo.io/t/acme/oauth2/token/.well-known/openid-configuration',
    ],
    ['https://op.example.com/', 'https://op.example.com/.well-known/openid-configuration'],
    ['https://am.example.com:443/openam', 'https://am.example.com:443/openam/.well-known/openid-configuration'],
  ])('of %s', async (issuer, url) => {
    const op = await pooledIssuer({ issuer })
    const { requests, outcome } = discovering(op)
    expect(await outcome()).toBe('ok')
    expect(requests[0]).toBe(url)
  })

  test.each<[string, (op: TestIssuer) => Response]>([
    ['another issuer', (op) => Response.json({ issuer: `${op.issuer}/`, jwks_uri: jwks })],
    ['no jwks_uri', (op) => Response.json({ issuer: op.issuer })],
    ['a jwks_uri over http', (op) => Response.json({ issuer: op.issuer, jwks_uri: 'http://op.example.com/jwks' })],
    ['a list', () => Response.json([])],
    ['text that is not JSON', () => new Response('<html>')],
    ['404', () => new Response(null, { status: 404 })],
    ['201', (op) => Response.json({ issuer: op.issuer, jwks_uri: jwks }, { status: 201 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: jwks } })],
    ['nothing', () => new Response(null)],
    ['more than 256 KiB', (op) => Response.json({ issuer: op.issuer, jwks_uri: jwks, filler: 'x'.repeat(256 * 1024) })],
  ])('if discovery answers %s, the keys are unavailable, and no keys are fetched', async (_, respond) => {
    const op = await pooledIssuer()
    const { requests, outcome } = discovering(op, {
      answer: (url: string) => (url === discovery ? respond(op) : undefined),
    })
    expect(await outcome()).toBe(unavailable)
    expect(requests).toEqual([discovery])
  })

  test('if the connection breaks during an answer that is not read, the only error is that the keys are unavailable', async () => {
    const op = await pooledIssuer()
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    const cancel = vi.fn(() => Promise.reject(new Error('terminated')))
    const { outcome } = discovering(op, { answer: () => new Response(new ReadableStream({ cancel }), { status: 502 }) })
    expect(await outcome()).toBe(unavailable)
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
    expect(cancel).toHaveBeenCalledOnce()
  })

  test('requests JSON, and does not follow redirects', async () => {
    const op = await pooledIssuer()
    const inits: RequestInit[] = []
    const { outcome } = discovering(op, { answer: (_: string, init: RequestInit) => void inits.push(init) })
    await outcome()
    expect(inits.map(({ redirect, method, headers }) => [redirect, method, headers])).toEqual([
      ['manual', undefined, { accept: 'application/json' }],
      ['manual', undefined, { accept: 'application/json' }],
    ])
    expect(inits.every(({ signal }) => signal instanceof AbortSignal)).toBe(true)
  })

  test('http to another machine needs allowInsecureRequests', async () => {
    expect(() => discoverKeys('http://op.example.com')).toThrow(TypeError)
    expect(() => discoverKeys('')).toThrow(TypeError)
    for (const issuer of ['http://localhost:9', 'http://127.1.22.3:9', 'http://[::1]:9', 'https://op.example.com']) {
      expect(() => discoverKeys(issuer)).not.toThrow()
    }
    for (const issuer of [
      'http://127.0.0.1.example.com',
      'http://localhost.example.com',
      'http://1127.0.0.1',
      'http://notlocalhost',
      'xhttps://op.example.com',
      'xhttp://localhost',
    ]) {
      expect(() => discoverKeys(issuer)).toThrow(TypeError)
    }
    expect(() => discoverKeys('http://op.example.com', { allowInsecureRequests: true })).not.toThrow()
  })

  test('an answer may arrive in pieces, even if a piece ends within a character', async () => {
    const op = await pooledIssuer()
    const kid = 'clé №1'
    const keys = JSON.stringify({ keys: op.jwks.keys.map((key) => ({ ...key, kid })) })
    const bytes = new TextEncoder().encode(keys)
    const inPieces = () =>
      new ReadableStream({
        start(controller) {
          for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
          controller.close()
        },
      })
    const { outcome } = discovering(op, { answer: (url) => (url === jwks ? new Response(inPieces()) : undefined) })
    expect(await outcome({ kid })).toBe('ok')
  })

  test('discoverKeys works with verifyLogoutToken', async () => {
    const op = await pooledIssuer()
    const issuers = [{ issuer: op.issuer, clientId: op.clientId, keys: discoverKeys(op.issuer, { fetch: op.fetch }) }]
    for (let times = 0; times < 3; times += 1) await verifyLogoutToken(await op.logoutToken(), issuers)
    expect(op.requests.length).toBe(2)
    await expect(
      verifyLogoutToken(await op.logoutToken(), [{ issuer: op.issuer, clientId: op.clientId }]),
    ).rejects.toThrow(TypeError)
  })
})

describe('RP-51: a token with a known key is verified at once', () => {
  test('even during the refresh of a stale JWK Set', async () => {
    const op = await pooledIssuer()
    const gate = deferred()
    let slow = false
    const { clock, requests, outcome } = discovering(op, {
      answer: async () => (slow ? (await gate.promise, undefined) : undefined),
    })
    expect(await outcome()).toBe('ok')
    advance(clock, 600)
    slow = true
    expect(await outcome()).toBe('ok')
    expect(await outcome()).toBe('ok')
    expect(requests.length).toBe(3)
    gate.resolve()
    await vi.waitFor(() => expect(requests.length).toBe(4))
    expect(await outcome()).toBe('ok')
    expect(requests.length).toBe(4)
  })

  test('even while the provider does not answer the fetch that a forged token caused', async () => {
    const op = await pooledIssuer()
    let isSilent = false
    const { requests, logout, outcome } = discovering(op, {
      answer: () => (isSilent ? new Promise<never>(() => {}) : undefined),
    })
    await logout.warm()
    requests.length = 0
    isSilent = true
    const order: string[] = []
    const forged = outcome({ kid: 'forged' }).then((code) => order.push(code))
    await vi.waitFor(() => expect(requests).toEqual([jwks]))
    order.push(await outcome())
    await forged
    expect([order, requests]).toEqual([
      ['ok', unavailable],
      [jwks, discovery],
    ])
  })

  test('a new key is found while a stale JWK Set is refreshed, even if the refresh fails or hangs', async () => {
    for (const respond of [undefined, () => new Response(null, { status: 500 }), () => new Promise<never>(() => {})]) {
      const op = await pooledIssuer()
      let isStale = false
      const { clock, requests, outcome } = discovering(op, {
        answer: (url: string) => (isStale && url === discovery ? respond?.() : undefined),
      })
      expect(await outcome()).toBe('ok')
      advance(clock, 600)
      isStale = true
      requests.length = 0
      await op.rotate()
      expect(await Promise.all([outcome(), outcome(), outcome()])).toEqual(['ok', 'ok', 'ok'])
      // All waiting tokens share one request. The refresh causes the other two.
      expect(requests.length).toBeLessThanOrEqual(3)
    }
  })

  test('a new key is found even if an earlier request is still running', async () => {
    const op = await pooledIssuer()
    const old = { keys: [...op.jwks.keys] }
    const gate = deferred()
    const asked = deferred()
    let isSlow = false
    const { outcome, logout, token } = discovering(op, {
      answer: async (url: string) => {
        if (!isSlow || url !== jwks) return undefined
        isSlow = false
        asked.resolve()
        await gate.promise
        return Response.json(old)
      },
    })
    expect(await outcome()).toBe('ok')
    isSlow = true
    const forged = outcome({ kid: 'forged' })
    await asked.promise
    await op.rotate()
    const received = logout.receive(await token())
    // After this turn, the receiver has asked for the token's key.
    await new Promise((resolve) => setImmediate(resolve))
    gate.resolve()
    expect((await received).replayed).toBe(false)
    expect(await forged).toBe(wrongSignature)
  })

  test.each([
    ['succeeds', wrongSignature],
    ['fails, because its token has no permit for discovery', unavailable],
  ])(
    'a new key with the old kid is found although a fetch that began before its publication %s',
    async (_, ofForged) => {
      const op = await pooledIssuer()
      const kid = 'the only one'
      const [gate, asked] = [deferred(), deferred()]
      let isSlow = false
      const { outcome } = discovering(op, {
        answer: async (url: string) => {
          if (url !== jwks) return undefined
          const answer = Response.json({ keys: [{ ...op.key.publicJwk, kid }] })
          if (isSlow) {
            isSlow = false
            asked.resolve()
            await gate.promise
          }
          return answer
        },
      })
      expect(await outcome({ kid })).toBe('ok')
      // This token takes the permit for discovery.
      if (ofForged === unavailable) expect(await outcome({ kid: 'earlier' })).toBe(wrongSignature)
      isSlow = true
      const forged = outcome({ kid: 'forged' })
      await asked.promise
      await op.rotate({ keepOld: false })
      const verify = vi.spyOn(crypto.subtle, 'verify')
      const genuine = outcome({ kid })
      // After its signature was checked with the old key, the token joins the request in progress.
      await vi.waitFor(() => expect(verify).toHaveBeenCalled())
      await verify.mock.results[0]!.value
      await new Promise((resolve) => setImmediate(resolve))
      verify.mockRestore()
      gate.resolve()
      expect(await genuine).toBe('ok')
      expect(await forged).toBe(ofForged)
    },
  )

  test('RP-53a: the same holds if the JWK Set is stale and its refresh fails', async () => {
    const op = await pooledIssuer()
    const [gate, asked] = [deferred(), deferred()]
    const answers: (() => Response | Promise<Response>)[] = []
    const { clock, logout, token, outcome } = discovering(op, {
      issuers: [{ issuer: op.issuer, clientId: op.clientId, keys: new URL(jwks) }],
      answer: () => answers.shift()?.(),
    })
    expect(await outcome()).toBe('ok')
    advance(clock, 600)
    const old = Response.json({ keys: [...op.jwks.keys] })
    answers.push(
      () => new Response(null, { status: 500 }),
      () => (asked.resolve(), gate.promise.then(() => old)),
    )
    const forged = outcome({ kid: 'forged' })
    await asked.promise
    await op.rotate()
    const genuine = logout.receive(await token())
    // After this turn, the token waits for the request of the forged token.
    await new Promise((resolve) => setImmediate(resolve))
    gate.resolve()
    expect((await genuine).replayed).toBe(false)
    expect(await forged).toBe(wrongSignature)
  })

  test('a token whose first check was slow uses the keys that another token has fetched meanwhile', async () => {
    const op = await pooledIssuer()
    const kid = 'the only one'
    const { requests, outcome } = discovering(op, {
      answer: (url) => (url === jwks ? Response.json({ keys: [{ ...op.key.publicJwk, kid }] }) : undefined),
    })
    expect(await outcome({ kid })).toBe('ok')
    await op.rotate({ keepOld: false })
    requests.length = 0
    const [gate, asked] = [deferred(), deferred()]
    const verify = vi.spyOn(crypto.subtle, 'verify').mockImplementationOnce(async () => {
      asked.resolve()
      await gate.promise
      return false
    })
    onTestFinished(() => verify.mockRestore())
    const slow = outcome({ kid })
    await asked.promise
    expect(await outcome({ kid })).toBe('ok')
    gate.resolve()
    expect(await slow).toBe('ok')
    expect(requests).toEqual([jwks])
  })

  test('an older answer does not replace a newer one', async () => {
    const op = await pooledIssuer()
    const old = { keys: [...op.jwks.keys] }
    const [gate, asked] = [deferred(), deferred()]
    let isSlow = false
    const { clock, requests, outcome } = discovering(op, {
      answer: async (url: string) => {
        if (!isSlow || url !== jwks) return undefined
        isSlow = false
        asked.resolve()
        await gate.promise
        return Response.json(old)
      },
    })
    expect(await outcome()).toBe('ok')
    advance(clock, 600)
    isSlow = true
    expect(await outcome()).toBe('ok')
    await asked.promise
    await op.rotate()
    expect(await outcome()).toBe('ok')
    requests.length = 0
    gate.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual([])
  })

  test.each([{}, { kid: undefined }])(
    'when the JWK Set is stale, the first token under a withdrawn key is refused: %j',
    async (header) => {
      const op = await pooledIssuer()
      const { clock, requests, outcome, logout, token } = discovering(op)
      expect(await outcome(header)).toBe('ok')
      advance(clock, 23 * 3600)
      const old = await Promise.all(Array.from({ length: 200 }, () => token({}, header)))
      await op.rotate({ keepOld: false })
      requests.length = 0
      const outcomes = await Promise.all(old.map((one) => refusal(logout.receive(one))))
      expect(new Set(outcomes.map(({ code }) => code))).toEqual(new Set([wrongSignature]))
      expect(requests.slice(0, 2)).toEqual([discovery, jwks])
      expect(await outcome()).toBe('ok')
    },
  )

  test('a new key with the old kid verifies its first token, whether the JWK Set is fresh or stale', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome } = discovering(op, {
      answer: (url) =>
        url === jwks ? Response.json({ keys: [{ ...op.key.publicJwk, kid: 'the only one' }] }) : undefined,
    })
    const header = { kid: 'the only one' }
    expect(await outcome(header)).toBe('ok')
    await op.rotate({ keepOld: false })
    expect(await outcome(header)).toBe('ok')
    expect(requests).toEqual([discovery, jwks, jwks])
    await op.rotate({ keepOld: false })
    advance(clock, 600)
    expect(await outcome(header)).toBe('ok')
  })

  test('a token waits at most 1.5 s for a provider that does not answer', async () => {
    const op = await pooledIssuer()
    const { outcome } = discovering(op, { answer: () => new Promise(() => {}) })
    const started = performance.now()
    expect(await outcome()).toBe(unavailable)
    expect(performance.now() - started).toBeLessThan(3000)
  })
})

describe('RP-51: a refresh of a stale set that times out', () => {
  test('RP-51a, RP-52e: the refresh delays only the tokens of its first second, and no token of the next 30 s', async () => {
    const op = await pooledIssuer()
    let isSilent = false
    const { clock, requests, logout, token, outcome } = discovering(op, {
      answer: () => (isSilent ? new Promise<never>(() => {}) : undefined),
    })
    expect(await outcome()).toBe('ok')
    advance(clock, 600)
    isSilent = true
    requests.length = 0
    // Tokens that arrive at the same moment share one wait.
    expect(new Set(await Promise.all([outcome(), outcome(), outcome()]))).toEqual(new Set(['ok']))
    expect(requests).toEqual([discovery])
    let set = 0
    for (const seconds of [0, 10, 19.5]) {
      advance(clock, seconds)
      const timers = await timersOf(async () => expect(await outcome()).toBe('ok'))
      set += timers.set
    }
    expect([set, requests]).toEqual([0, [discovery]])
    advance(clock, 2)
    isSilent = false
    const withdrawn = await token()
    await op.rotate({ keepOld: false })
    expect((await refusal(logout.receive(withdrawn))).code).toBe(wrongSignature)
  })
})

describe('RP-54a: a jwks_uri on loopback', () => {
  test.each([
    'http://127.0.0.1:9/jwks',
    'http://localhost/jwks',
    'http://localhost./jwks',
    'http://[::1]:80/jwks',
    'http://127.1/jwks',
    'http://2130706433/jwks',
    'http://0.0.0.0/jwks',
    'http://0/jwks',
    'http://[::]/jwks',
    'http://[::ffff:127.0.0.1]:9/jwks',
    'http://[::ffff:127.1.2.3]/jwks',
    'http://[::ffff:0.0.0.0]/jwks',
  ])('is not requested if a remote issuer names it: %s', async (uri) => {
    const op = await pooledIssuer()
    for (const allowInsecureRequests of [false, true]) {
      const { requests, outcome } = discovering(op, {
        allowInsecureRequests,
        answer: (url) => (url === discovery ? Response.json({ issuer: op.issuer, jwks_uri: uri }) : undefined),
      })
      expect(await outcome()).toBe(unavailable)
      expect(requests).toEqual([discovery])
    }
  })

  test('is requested if an issuer on loopback names it, or if the application configures it', async () => {
    const op = await pooledIssuer({ issuer: 'http://127.0.0.1:9' })
    const { outcome } = discovering(op)
    expect(await outcome()).toBe('ok')
    const remote = await pooledIssuer()
    const uri = 'http://localhost:9/jwks'
    const configured = discovering(remote, {
      issuers: [{ issuer: remote.issuer, clientId: remote.clientId, keys: new URL(uri) }],
      answer: (url) => (url === uri ? Response.json(remote.jwks) : undefined),
    })
    expect(await configured.outcome()).toBe('ok')
  })
})

describe('keys before the first token', () => {
  test('the first check of a session fetches the keys of all listed issuers in the background, once', async () => {
    const op = await pooledIssuer()
    const { requests, logout, outcome } = discovering(op)
    expect(requests).toEqual([])
    expect(await logout.isLoggedOut(op.session())).toBe(false)
    expect(requests).toEqual([discovery])
    await vi.waitFor(() => expect(requests).toEqual([discovery, jwks]))
    await logout.isLoggedOut(op.session())
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual([discovery, jwks])
  })

  test('the first token also fetches the keys of the other listed issuers', async () => {
    const op = await pooledIssuer()
    const other = 'https://other.example/jwks'
    const issuers = [jwks, other].map((url, index) => {
      return { issuer: index ? 'https://other.example' : op.issuer, clientId: op.clientId, keys: new URL(url) }
    })
    const { requests, outcome } = discovering(op, { issuers, answer: () => Response.json(op.jwks) })
    expect(await outcome()).toBe('ok')
    expect(requests.toSorted()).toEqual([jwks, other])
  })

  test('T-18: the keys are there before the first POST, because some providers serve no keys during a POST', async () => {
    const op = await pooledIssuer()
    let isPosting = false
    const { logout, outcome, requests } = discovering(op, {
      answer: () => (isPosting ? new Promise<never>(() => {}) : undefined),
    })
    await logout.isLoggedOut(op.session())
    await vi.waitFor(() => expect(requests.length).toBe(2))
    isPosting = true
    expect(await outcome()).toBe('ok')
  })

  test('T-18: the keys are also there after a day without a token, if sessions are checked', async () => {
    const op = await pooledIssuer()
    let isPosting = false
    const { clock, logout, outcome, requests } = discovering(op, {
      answer: () => (isPosting ? new Promise<never>(() => {}) : undefined),
    })
    await logout.warm()
    for (let hours = 0; hours < 25; hours += 1) {
      advance(clock, 3600)
      await logout.isLoggedOut(op.session({ iat: clock.time }))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await vi.waitFor(() => expect(requests).toEqual([discovery, jwks, discovery, jwks, discovery, jwks]))
    isPosting = true
    expect(await outcome()).toBe('ok')
  })

  test('a failed fetch in the background is tried again, at most every ten minutes', async () => {
    const op = await pooledIssuer()
    const { clock, logout, requests, onError } = discovering(op, { answer: () => new Response(null, { status: 500 }) })
    for (let minutes = 0; minutes < 30; minutes += 1) {
      await logout.isLoggedOut(op.session({ iat: clock.time }))
      await new Promise((resolve) => setImmediate(resolve))
      advance(clock, 60)
    }
    expect(requests).toEqual([discovery, discovery, discovery])
    expect(onError).toHaveBeenCalledTimes(3)
  })

  test.each([5.0005, 16.1, 32.3])('the keys are fetched with a keysTimeout of %d seconds', async (keysTimeout) => {
    const { outcome } = discovering(await pooledIssuer(), { keysTimeout })
    expect(await outcome()).toBe('ok')
  })

  test('a failed fetch in the background is reported, and the first token tries again', async () => {
    const op = await pooledIssuer()
    let isDown = true
    const { requests, logout, outcome, onError } = discovering(op, {
      answer: () => (isDown ? new Response(null, { status: 500 }) : undefined),
    })
    await logout.isLoggedOut(op.session())
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce())
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: unavailable })
    await logout.isLoggedOut(op.session())
    expect(requests).toEqual([discovery])
    isDown = false
    expect(await outcome()).toBe('ok')
  })

  test('no fetch starts in the background on Workers, because it would end with its request', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' })
    onTestFinished(() => void vi.unstubAllGlobals())
    const op = await pooledIssuer()
    const { requests, logout, outcome } = discovering(op)
    await logout.isLoggedOut(op.session())
    expect(requests).toEqual([])
    expect(await outcome()).toBe('ok')
  })

  test('a fetch starts in the background if there is no navigator, as on Node 20', async () => {
    vi.stubGlobal('navigator', undefined)
    onTestFinished(() => void vi.unstubAllGlobals())
    const op = await pooledIssuer()
    const { requests, logout } = discovering(op)
    await logout.isLoggedOut(op.session())
    await vi.waitFor(() => expect(requests).toEqual([discovery, jwks]))
  })

  test('verifyLogoutToken fetches only the keys of the issuer of the token', async () => {
    const op = await pooledIssuer()
    const fetched = vi.fn(async () => Response.json(op.jwks))
    vi.stubGlobal('fetch', fetched)
    onTestFinished(() => void vi.unstubAllGlobals())
    const issuers = [op.issuer, 'https://other.example'].map((issuer) => {
      return { issuer, clientId: op.clientId, keys: new URL(`${issuer}/only-for-this-test`) }
    })
    await verifyLogoutToken(await op.logoutToken(), issuers)
    expect(fetched.mock.calls).toEqual([['https://op.example.com/only-for-this-test', expect.anything()]])
  })

  test('keysTimeout limits discovery and keys together', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const op = await pooledIssuer()
    const slow = { answer: () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 800)) }
    const run = async (keysTimeout?: number) => {
      const { outcome, requests } = discovering(op, { ...slow, ...(keysTimeout && { keysTimeout }) })
      const ends = outcome()
      // Time stands still while the token is signed and verified.
      for (const count of [1, 2]) {
        while (requests.length < count) await new Promise((resolve) => setImmediate(resolve))
        await vi.advanceTimersByTimeAsync(800)
      }
      return ends
    }
    expect(await run()).toBe(unavailable)
    expect(await run(2)).toBe('ok')
  })
})

/** A receiver that has its keys. `forged` sends a token that has the signature of another token. */
async function forging(op: TestIssuer) {
  let isFailing = false
  const made = discovering(op, { answer: () => (isFailing ? new Response(null, { status: 500 }) : undefined) })
  await made.logout.warm()
  made.requests.length = 0
  const forged = async () => {
    const [head, , signature] = (await made.token()).split('.')
    const [, payload] = (await made.token({ sid: 'another' })).split('.')
    return (await refusal(made.logout.receive([head, payload, signature].join('.')))).code
  }
  return { ...made, forged, fail: (isDown: boolean) => (isFailing = isDown) }
}

describe('RP-52: requests that forged tokens can cause', () => {
  test.each(['cold', 'warm'])('RP-52a: 60 unknown kids at once cause at most 6 requests: %s', async (start) => {
    const op = await pooledIssuer()
    const { requests, outcome, logout } = discovering(op)
    if (start === 'warm') await logout.warm()
    const outcomes = await Promise.all(Array.from({ length: 60 }, (_, index) => outcome({ kid: `forged-${index}` })))
    expect(new Set(outcomes).size).toBeLessThanOrEqual(2)
    expect(outcomes).not.toContain('ok')
    expect(requests.length).toBeLessThanOrEqual(6)
    expect(await outcome()).toBe('ok')
  })

  test('RP-52g: 60 unknown kids in a row cause at most 6 requests. Without a permit, the answer is an outage', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome } = discovering(op)
    const outcomes: string[] = []
    for (let index = 0; index < 60; index += 1) outcomes.push(await outcome({ kid: `forged-${index}` }))
    expect(requests.length).toBeLessThanOrEqual(6)
    expect([outcomes[0], outcomes.at(-1)]).toEqual([wrongSignature, unavailable])
    expect(await outcome()).toBe('ok')
    const before = requests.length
    advance(clock, 15)
    await outcome({ kid: 'forged-60' })
    await outcome({ kid: 'forged-61' })
    expect(requests.length).toBe(before + 2)
  })

  test.each(['at once', 'one after another'])(
    '60 unknown kids with a stale JWK Set cause at most 6 requests: %s',
    async (how) => {
      const op = await pooledIssuer()
      const { clock, requests, outcome } = discovering(op)
      expect(await outcome()).toBe('ok')
      advance(clock, 600)
      requests.length = 0
      const fire = (index: number) => outcome({ kid: `forged-${index}` })
      if (how === 'at once') await Promise.all(Array.from({ length: 60 }, (_, index) => fire(index)))
      else for (let index = 0; index < 60; index += 1) await fire(index)
      expect(requests.length).toBeGreaterThan(0)
      expect(requests.length).toBeLessThanOrEqual(6)
      expect(await outcome()).toBe('ok')
    },
  )

  test('a kid that was not found causes no fetch for 30 s', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome } = discovering(op)
    await outcome({ kid: 'forged' })
    await outcome({ kid: 'forged' })
    const before = requests.length
    expect(await outcome({ kid: 'forged' })).toBe(unavailable)
    advance(clock, 29)
    expect(await outcome({ kid: 'forged' })).toBe(unavailable)
    expect(requests.length).toBe(before)
    advance(clock, 31)
    await outcome({ kid: 'forged' })
    expect(requests.length).toBeGreaterThan(before)
  })

  test('RP-52g: if a key is published late, its tokens get an outage until the next fetch', async () => {
    const op = await pooledIssuer()
    const published = [{ keys: [...op.jwks.keys] }]
    const { clock, outcome } = discovering(op, {
      answer: (url) => (url === jwks ? Response.json(published.at(-1)) : undefined),
    })
    expect(await outcome()).toBe('ok')
    await op.rotate()
    expect(await outcome()).toBe(wrongSignature)
    published.push(op.jwks)
    expect(await outcome()).toBe(unavailable)
    advance(clock, 30)
    expect(await outcome()).toBe('ok')
  })

  test('RP-52c: many bad signatures under a known kid use only one permit in 15 s', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome, logout, forged } = await forging(op)
    const outcomes: string[] = []
    for (let times = 0; times < 20; times += 1) outcomes.push(await forged())
    expect(new Set(outcomes)).toEqual(new Set([wrongSignature]))
    expect(requests).toEqual([jwks])
    await op.rotate()
    expect(await outcome()).toBe('ok')
    advance(clock, 15)
    requests.length = 0
    for (let times = 0; times < 20; times += 1) await forged()
    expect(requests).toEqual([jwks])
    await logout.close()
  })

  test('if there is no permit for a refresh, a bad signature is answered as an outage', async () => {
    const op = await pooledIssuer()
    const { requests, outcome, forged } = await forging(op)
    for (let index = 0; index < 20; index += 1) await outcome({ kid: `forged-${index}` })
    requests.length = 0
    expect(await forged()).toBe(unavailable)
    expect(requests).toEqual([])
  })

  test('RP-52d: forged tokens cannot use up the permit for a stale JWK Set', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome, fail } = await forging(op)
    fail(true)
    advance(clock, 590)
    for (let index = 0; index < 20; index += 1) await outcome({ kid: `forged-${index}` })
    fail(false)
    advance(clock, 10)
    await op.rotate({ keepOld: false })
    requests.length = 0
    expect(await outcome({ kid: 'key-1' })).toBe(wrongSignature)
    expect(requests.slice(0, 2)).toEqual([discovery, jwks])
  })

  test('RP-52d: each stale JWK Set has a reserved permit, even if the clock stands still during a refresh', async () => {
    // On Cloudflare Workers, the clock stands still until an answer arrives.
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const op = await pooledIssuer()
    let isDown = false
    const { logout, outcome } = discovering(op, {
      issuers: [{ issuer: op.issuer, clientId: op.clientId, keys: new URL(jwks) }],
      answer: () => (isDown ? new Response(null, { status: 500 }) : undefined),
    })
    await logout.warm()
    vi.advanceTimersByTime(600_000)
    expect(await outcome()).toBe('ok')
    isDown = true
    vi.advanceTimersByTime(590_000)
    for (let index = 0; index < 20; index += 1) await outcome({ kid: `forged-${index}` })
    isDown = false
    vi.advanceTimersByTime(10_000)
    await op.rotate({ keepOld: false })
    expect(await outcome({ kid: 'key-1' })).toBe(wrongSignature)
  })

  test('RP-52d: only the first refresh of a stale JWK Set has a reserved permit', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome, fail } = await forging(op)
    fail(true)
    advance(clock, 600)
    for (let index = 0; index < 20; index += 1) await outcome({ kid: `forged-${index}` })
    requests.length = 0
    // Two permits have come back. The second refresh uses one of them, and a forged token uses the other.
    advance(clock, 31)
    for (let index = 20; index < 40; index += 1) await outcome({ kid: `forged-${index}` })
    expect(requests).toEqual([discovery, jwks])
  })

  test.each([undefined, new URL(jwks)])(
    'a bad signature is an outage if the keys cannot be fetched, and each error says why: %s',
    async (keys) => {
      const op = await pooledIssuer()
      const issuers = [{ issuer: op.issuer, clientId: op.clientId, keys }]
      const { logout, token } = discovering(op, {
        issuers,
        answer: (url) => (url === jwks && isDown ? new Response(null, { status: 500 }) : undefined),
      })
      let isDown = false
      await logout.warm()
      isDown = true
      const [head, , signature] = (await token()).split('.')
      const [, payload] = (await token({ sid: 'another' })).split('.')
      // The second and the third token have a permit for the keys, but no permit for discovery.
      for (let times = 0; times < 3; times += 1) {
        const error = await refusal(logout.receive([head, payload, signature].join('.')))
        expect([error.code, String(error.cause)]).toEqual([unavailable, `Error: ${jwks}: answer refused, status 500`])
      }
    },
  )

  test('RP-52: keys at a URL need no permit for discovery, so two unknown kids in a row get the same answer', async () => {
    const op = await pooledIssuer()
    const { outcome } = discovering(op, {
      issuers: [{ issuer: op.issuer, clientId: op.clientId, keys: new URL(jwks) }],
    })
    for (const kid of ['forged-1', 'forged-2', 'forged-3']) expect(await outcome({ kid })).toBe(wrongSignature)
  })

  test('discovery does not run again if several of the new keys fit the token', async () => {
    const op = await pooledIssuer()
    const other = (await createTestKey('RS256', 'other')).publicJwk
    let keys = [(await createTestKey('ES256', 'first')).publicJwk]
    const { requests, outcome, logout } = discovering(op, {
      answer: (url) => (url === jwks ? Response.json({ keys }) : undefined),
    })
    await logout.warm()
    requests.length = 0
    keys = [other, op.key.publicJwk]
    expect(await outcome({ kid: undefined })).toBe('ok')
    expect(requests).toEqual([jwks])
  })

  test('RP-52c: while its kid causes no fetch, a bad signature is checked only once', async () => {
    const op = await pooledIssuer()
    const { forged } = await forging(op)
    const verify = vi.spyOn(crypto.subtle, 'verify')
    onTestFinished(() => verify.mockRestore())
    await forged()
    expect(verify).toHaveBeenCalledTimes(2)
    await forged()
    expect(verify).toHaveBeenCalledTimes(3)
  })

  test('RP-52: only the last 100 missing kids are remembered, because a kid can have 1,024 characters', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome, logout, token } = discovering(op)
    await logout.warm()
    const forged = await Promise.all(
      Array.from({ length: 101 }, async (_, index) => token({}, { kid: `forged-${index}` })),
    )
    const codes = await Promise.all(forged.map(async (jwt) => (await refusal(logout.receive(jwt))).code))
    expect(new Set(codes)).toEqual(new Set([wrongSignature]))
    advance(clock, 15)
    requests.length = 0
    expect(await outcome({ kid: 'forged-1' })).toBe(unavailable)
    expect(requests).toEqual([])
    expect(await outcome({ kid: 'forged-0' })).toBe(wrongSignature)
    expect(requests).toContain(jwks)
  })

  test('a key that was found is not remembered as missing', async () => {
    const op = await pooledIssuer()
    const { outcome } = discovering(op)
    expect(await outcome()).toBe('ok')
    await op.rotate({ keepOld: false })
    expect(await outcome()).toBe('ok')
    expect(await outcome({ kid: 'key-1' })).toBe(wrongSignature)
  })

  test('RP-52c: a bad signature under another known kid causes another fetch', async () => {
    const op = await pooledIssuer()
    const { requests, outcome, forged } = await forging(op)
    expect(await forged()).toBe(wrongSignature)
    await op.rotate()
    expect(await outcome()).toBe('ok')
    requests.length = 0
    expect(await forged()).toBe(wrongSignature)
    expect(requests).toEqual([jwks])
  })

  test('many simultaneous bad signatures cause one request', async () => {
    const op = await pooledIssuer()
    const { requests, logout, token } = discovering(op)
    await logout.warm()
    requests.length = 0
    const [head, , signature] = (await token()).split('.')
    const payloads = await Promise.all(Array.from({ length: 60 }, async () => (await token()).split('.')[1]))
    const outcomes = await Promise.all(
      payloads.map(async (payload) => (await refusal(logout.receive([head, payload, signature].join('.')))).code),
    )
    expect(new Set(outcomes)).toEqual(new Set([wrongSignature]))
    expect(requests).toEqual([jwks])
  })

  test('RP-52f: a jump of the system clock gives and takes no permits', async () => {
    const op = await pooledIssuer()
    const { clock, requests, outcome } = discovering(op)
    expect(await outcome()).toBe('ok')
    clock.time += 3600
    for (let index = 0; index < 20; index += 1) await outcome({ kid: `forged-${index}` })
    clock.time -= 3600
    requests.length = 0
    await op.rotate()
    expect(await outcome()).toBe(unavailable)
    clock.time += 3600
    expect(await outcome()).toBe(unavailable)
    clock.time -= 3600
    expect(requests).toEqual([])
    advance(clock, 15)
    expect(await outcome()).toBe('ok')
  })

  test('RP-52f: a clock that jumps an hour ahead and back freezes no missed kid and no refresh', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const op = await pooledIssuer()
    const published = [{ keys: [...op.jwks.keys] }]
    let isDown = false
    const { clock, logout, token, outcome } = discovering(op, {
      answer(url) {
        if (isDown) return new Response(null, { status: 500 })
        return url === jwks ? Response.json(published.at(-1)) : undefined
      },
    })
    /** Calls `work` while the clock is an hour ahead. */
    const ahead = async <T>(work: () => Promise<T>): Promise<T> => {
      const jump = (seconds: number): void => {
        clock.time += seconds
        vi.setSystemTime(Date.now() + seconds * 1000)
      }
      jump(3600)
      const result = await work()
      jump(-3600)
      return result
    }
    expect(await outcome()).toBe('ok')
    await op.rotate()
    expect(await ahead(outcome)).toBe(wrongSignature)
    published.push(op.jwks)
    advance(clock, 30)
    expect(await outcome()).toBe('ok')

    advance(clock, 600)
    isDown = true
    expect(await ahead(outcome)).toBe('ok')
    isDown = false
    const withdrawn = await token()
    await op.rotate({ keepOld: false })
    published.push(op.jwks)
    advance(clock, 31)
    expect((await refusal(logout.receive(withdrawn))).code).toBe(wrongSignature)
  })

  test('failed fetches use permits', async () => {
    const op = await pooledIssuer()
    const { requests, outcome } = discovering(op, { answer: () => new Response(null, { status: 500 }) })
    for (let times = 0; times < 20; times += 1) expect(await outcome()).toBe(unavailable)
    expect(requests.length).toBe(4)
  })
})

/** The answers of a provider that moves its keys to a new URL. The old URL still serves the old keys. */
function moving(op: TestIssuer, served = (): object => op.jwks, isDown = () => false) {
  let uri = 'https://op.example.com/old'
  const old = structuredClone(served())
  const answer = (url: string): Response => {
    if (url === discovery) return Response.json({ issuer: op.issuer, jwks_uri: uri })
    if (url !== uri) return Response.json(old)
    return isDown() ? new Response(null, { status: 503 }) : Response.json(served())
  }
  return { answer, move: () => void (uri = 'https://op.example.com/new') }
}

describe('RP-53, RP-54: keys that change', () => {
  test('RP-53a: the first token with a new key finds the key', async () => {
    const op = await pooledIssuer()
    const { requests, outcome } = discovering(op)
    expect(await outcome()).toBe('ok')
    await op.rotate()
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual([discovery, jwks, jwks])
  })

  test('the new key is found even if a forged kid arrives at the same time and discovery may not be read yet', async () => {
    const op = await pooledIssuer()
    const before = Response.json(op.jwks)
    const held = deferred<Response>()
    const { logout, token, outcome, requests } = discovering(op, {
      answer: (url) => (url === jwks && requests.length === 3 ? held.promise : undefined),
    })
    await logout.warm()
    const first = outcome({ kid: 'forged' })
    await vi.waitFor(() => expect(requests.length).toBe(3))
    await op.rotate()
    // Both tokens wait for the fetch of the token `first`. Then the second one waits for the next fetch.
    const tokens = [await token({}, { kid: 'forged too' }), await token()]
    const others = tokens.map((one) => logout.receive(one).catch((error: { code: string }) => error.code))
    await new Promise(setImmediate)
    held.resolve(before)
    expect(await first).toBe(wrongSignature)
    expect(await others[0]).toBe(unavailable)
    expect(await others[1]).toMatchObject({ iss: op.issuer })
  })

  describe.each([
    ['fails', () => Promise.reject(new Error('down'))],
    ['does not answer', () => new Promise<never>(() => {})],
  ])('if the discovery for a forged token %s after their fetch has loaded the new key', (_, respond) => {
    test.each([
      ['a new kid', undefined],
      ['the old kid', 'the only one'],
    ])('RP-53a: a genuine token with %s is accepted', async (__, kid) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
      onTestFinished(() => void vi.useRealTimers())
      const op = await pooledIssuer()
      const answered = deferred()
      let isWarm = false
      const { logout, outcome, token, requests } = discovering(op, {
        async answer(url) {
          if (url === discovery) return isWarm ? respond() : undefined
          if (isWarm) await answered.promise
          return Response.json({ keys: op.jwks.keys.map((key) => ({ ...key, kid: kid ?? key.kid })).slice(-1) })
        },
      })
      await logout.warm()
      vi.advanceTimersByTime(1)
      await op.rotate()
      isWarm = true
      requests.length = 0
      const genuine = await token({}, kid ? { kid } : {})
      // Both tokens arrive at the same moment. The fetch of the forged token is also the fetch of the genuine token.
      const forged = outcome({ kid: 'forged' })
      while (requests.length < 1) await new Promise((resolve) => setImmediate(resolve))
      const verify = vi.spyOn(crypto.subtle, 'verify')
      onTestFinished(() => verify.mockRestore())
      const received = logout.receive(genuine).catch(({ code }: { code: string }) => code)
      // The old key under the same kid does not fit. After this check, the token waits for the fetch.
      while (kid && !verify.mock.results[0]) await new Promise((resolve) => setImmediate(resolve))
      await verify.mock.results[0]?.value
      await new Promise((resolve) => setImmediate(resolve))
      answered.resolve()
      while (requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
      await vi.advanceTimersByTimeAsync(1500)
      expect(await received).toMatchObject({ iss: op.issuer })
      expect([await forged, requests]).toEqual([unavailable, [jwks, discovery]])
    })
  })

  test('many simultaneous tokens find the key with one request', async () => {
    const op = await pooledIssuer()
    const { requests, outcome, logout } = discovering(op)
    await logout.warm()
    await op.rotate()
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => outcome())))).toEqual(new Set(['ok']))
    expect(requests).toEqual([discovery, jwks, jwks])
  })

  test.each([404, 200])('a moved jwks_uri is found while the old URL answers %d', async (status) => {
    const op = await pooledIssuer()
    let uri = 'https://op.example.com/old'
    const old = { keys: [...op.jwks.keys] }
    const answer = (url: string) => {
      if (url === discovery) return Response.json({ issuer: op.issuer, jwks_uri: uri })
      if (url === uri) return Response.json(op.jwks)
      return status === 200 ? Response.json(old) : new Response(null, { status })
    }
    const { outcome } = discovering(op, { answer })
    expect(await outcome()).toBe('ok')
    uri = 'https://op.example.com/new'
    await op.rotate()
    expect(await outcome()).toBe('ok')
  })

  test('a moved jwks_uri is found while forged kids arrive all the time', async () => {
    const op = await pooledIssuer()
    const { move, answer } = moving(op)
    const { clock, outcome } = discovering(op, { answer })
    expect(await outcome()).toBe('ok')
    expect(await outcome({ kid: 'forged-0' })).toBe(wrongSignature)
    move()
    await op.rotate()
    for (let times = 1; times <= 3; times += 1) {
      advance(clock, 15)
      await outcome({ kid: `forged-${times}` })
    }
    expect(await outcome()).toBe('ok')
  })

  test('RP-54: a moved jwks_uri is found while the old URL hangs, and one token needs three requests', async () => {
    const op = await pooledIssuer()
    const { move, answer } = moving(op)
    let isSilent = false
    const { requests, outcome } = discovering(op, {
      keysTimeout: 0.4,
      answer: (url) => (isSilent && url.endsWith('/old') ? new Promise<never>(() => {}) : answer(url)),
    })
    expect(await outcome()).toBe('ok')
    move()
    isSilent = true
    await op.rotate()
    requests.length = 0
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual(['https://op.example.com/old', discovery, 'https://op.example.com/new'])
  })

  test.each([
    ['has the same URL', undefined],
    ['fails', () => new Response(null, { status: 500 })],
  ])('a slow JWK Set is used if discovery %s in the meantime', async (_, discover) => {
    const op = await pooledIssuer()
    const slow = deferred<Response>()
    let isSlow = false
    const { requests, outcome } = discovering(op, {
      keysTimeout: 0.4,
      answer(url) {
        if (!isSlow) return undefined
        return url === discovery ? discover?.() : slow.promise
      },
    })
    expect(await outcome()).toBe('ok')
    isSlow = true
    await op.rotate()
    requests.length = 0
    const received = outcome()
    await vi.waitFor(() => expect(requests).toEqual([jwks, discovery]))
    await new Promise(setImmediate)
    slow.resolve(Response.json(op.jwks))
    expect(await received).toBe('ok')
    expect(requests).toEqual([jwks, discovery])
  })

  test('RP-54: a new key with the old kid is found 30 seconds after discovery, although the old URL still answers', async () => {
    const op = await pooledIssuer()
    const { move, answer } = moving(op, () => ({ keys: [{ ...op.key.publicJwk, kid: 'the only one' }] }))
    const { clock, requests, outcome } = discovering(op, { answer })
    const header = { kid: 'the only one' }
    expect(await outcome(header)).toBe('ok')
    move()
    await op.rotate()
    // A bad signature alone reads the metadata again only if they are older than 30 seconds.
    advance(clock, 15)
    expect(await outcome(header)).toBe(wrongSignature)
    requests.length = 0
    advance(clock, 15)
    expect(await outcome(header)).toBe('ok')
    expect(requests).toEqual(['https://op.example.com/old', discovery, 'https://op.example.com/new'])
  })

  test('RP-54: a moved jwks_uri is found although bad signatures use up all permits', async () => {
    const op = await pooledIssuer()
    const known = [op.key.kid]
    for (let rotations = 0; rotations < 4; rotations += 1) {
      await op.rotate()
      known.push(op.key.kid)
    }
    const { move, answer } = moving(op)
    const { clock, outcome } = discovering(op, { answer })
    expect(await outcome()).toBe('ok')
    move()
    await op.rotate()
    for (let seconds = 0; seconds < 45; seconds += 15) {
      // Each known `kid` causes a fetch. The budget has four permits, and gets one back every 15 seconds.
      for (const kid of known) await outcome({ kid })
      expect(await outcome()).toBe(seconds < 30 ? unavailable : 'ok')
      advance(clock, 15)
    }
  })

  test('RP-54: a moved jwks_uri is found although the old URL has another new key with the same kid', async () => {
    const [op, other] = await Promise.all([pooledIssuer(), pooledIssuer()])
    const old = structuredClone(op.jwks)
    let uri = 'https://op.example.com/old'
    const { clock, outcome } = discovering(op, {
      answer(url) {
        if (url === discovery) return Response.json({ issuer: op.issuer, jwks_uri: uri })
        return Response.json(url === uri ? op.jwks : old)
      },
    })
    expect(await outcome()).toBe('ok')
    await op.rotate()
    uri = 'https://op.example.com/new'
    old.keys.push({ ...other.jwks.keys[0], kid: op.key.kid })
    advance(clock, 60)
    expect(await outcome()).toBe('ok')
  })

  test('RP-51a: a withdrawn key is refused ten minutes after discovery, although the old URL still serves it', async () => {
    const op = await pooledIssuer()
    const { move, answer } = moving(op)
    const { clock, logout, token, outcome } = discovering(op, { answer })
    expect(await outcome()).toBe('ok')
    const { kid } = op.key
    const later = clock.time + 600
    const withdrawn = await token({ iat: later, exp: later + 120 })
    move()
    await op.rotate({ keepOld: false })
    // A bad signature causes a fetch from the old URL. It must not keep the withdrawn key for longer.
    advance(clock, 300)
    expect(await outcome({ kid })).toBe(wrongSignature)
    advance(clock, 300)
    expect((await refusal(logout.receive(withdrawn))).code).toBe(wrongSignature)
  })

  test('RP-51a: if the new URL does not answer at first, the refresh is tried again after 31 seconds', async () => {
    const op = await pooledIssuer()
    let isDown = false
    const { move, answer } = moving(
      op,
      () => op.jwks,
      () => isDown,
    )
    const { clock, logout, token, outcome } = discovering(op, { answer })
    expect(await outcome()).toBe('ok')
    const { kid } = op.key
    const later = clock.time + 640
    const withdrawn = await token({ iat: later, exp: later + 120 })
    move()
    isDown = true
    await op.rotate({ keepOld: false })
    advance(clock, 300)
    expect(await outcome({ kid })).toBe(wrongSignature)
    advance(clock, 300)
    await outcome({ kid })
    isDown = false
    advance(clock, 40)
    expect((await refusal(logout.receive(withdrawn))).code).toBe(wrongSignature)
  })

  describe('if a fetch from the old URL ends after a fetch from the new URL', () => {
    /** The refresh of a stale set fetches from the new URL. A token with an unknown kid fetches from the old URL meanwhile. */
    async function race() {
      const op = await pooledIssuer()
      const { move, answer } = moving(op)
      const [slowNew, slowOld] = [deferred(), deferred()]
      const asked: string[] = []
      const provider = { isSlow: false, isDown: false }
      const { clock, logout, token, outcome } = discovering(op, {
        async answer(url) {
          asked.push(url)
          const response = answer(url)
          if (provider.isDown) throw new Error('down')
          if (provider.isSlow && url.endsWith('/new')) await slowNew.promise
          if (provider.isSlow && url.endsWith('/old')) await slowOld.promise
          return response
        },
      })
      expect(await outcome()).toBe('ok')
      const later = clock.time + 700
      const oldToken = await token({ iat: later, exp: later + 120 })
      move()
      await op.rotate({ keepOld: false })
      advance(clock, 600)
      Object.assign(provider, { isSlow: true })
      asked.length = 0
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const forged = outcome({ kid: 'forged' }).finally(() => vi.useRealTimers())
      const reaches = async (url: string) => {
        while (!asked.some((one) => one.endsWith(url))) await new Promise((resolve) => setImmediate(resolve))
      }
      await reaches('/new')
      advance(clock, 1)
      await vi.advanceTimersByTimeAsync(1000)
      await reaches('/old')
      slowNew.resolve()
      await new Promise((resolve) => setImmediate(resolve))
      slowOld.resolve()
      await forged
      provider.isSlow = false
      advance(clock, 60)
      return {
        provider,
        outcomeOfOld: () =>
          logout.receive(oldToken).then(
            () => 'ok',
            ({ code }) => code,
          ),
      }
    }

    test('RP-51a: a withdrawn key is refused, because the old keys count as stale', async () => {
      const { outcomeOfOld } = await race()
      expect(await outcomeOfOld()).toBe(wrongSignature)
    })

    test('RP-53: the old keys are still used if the provider does not answer', async () => {
      const { provider, outcomeOfOld } = await race()
      provider.isDown = true
      expect(await outcomeOfOld()).toBe('ok')
    })
  })

  test('a token without kid waits for the refresh of a stale JWK Set', async () => {
    const op = await pooledIssuer()
    const [asked, answered] = [deferred(), deferred()]
    let isSlow = false
    const { clock, logout, token, outcome } = discovering(op, {
      async answer() {
        if (!isSlow) return undefined
        asked.resolve()
        await answered.promise
        return undefined
      },
    })
    expect(await outcome({ kid: undefined })).toBe('ok')
    await op.rotate({ keepOld: false })
    advance(clock, 3600)
    isSlow = true
    const first = outcome({ kid: undefined })
    const other = await token({}, { kid: undefined })
    await asked.promise
    // The second token shares the refresh that the first token began.
    const second = logout.receive(other)
    setImmediate(answered.resolve)
    expect(await first).toBe('ok')
    await second
  })

  test('if the provider is down, a known key is accepted for 24 hours', async () => {
    const op = await pooledIssuer()
    let isDown = false
    const { clock, outcome, onError } = discovering(op, {
      answer: () => (isDown ? Promise.reject(new Error('down')) : undefined),
    })
    expect(await outcome()).toBe('ok')
    isDown = true
    advance(clock, 86_390)
    expect(await outcome()).toBe('ok')
    await vi.waitFor(() => expect(onError).toHaveBeenCalledOnce())
    expect(await outcome({ kid: 'unknown' })).toBe(unavailable)
    advance(clock, 11)
    expect(await outcome()).toBe(unavailable)
    isDown = false
    advance(clock, 15)
    expect(await outcome()).toBe('ok')
  })

  test('RP-54b: skips keys for other uses, and values that are not keys', async () => {
    const op = await pooledIssuer()
    const { publicKey } = await generateKeyPair('RSA-OAEP', { extractable: true })
    const strange = [
      null,
      'key',
      [],
      {},
      { kty: 7, kid: 7 },
      { kty: 'EC', crv: 'secp256k1', x: 'AA', y: 'AA', kid: 'k1' },
      { kty: 'unheard of', kid: op.key.kid },
      { kty: 'oct', k: 'AAAA', kid: op.key.kid },
      { ...(await exportJWK(publicKey)), use: 'enc', kid: op.key.kid },
      { kty: 'RSA', kid: 'broken', n: '!', e: {} },
      { ...op.key.publicJwk, x5c: ['AAAA'], extra: { a: 1 } },
    ]
    const { outcome } = discovering(op, {
      answer: (url: string) => (url === jwks ? Response.json({ keys: strange }) : undefined),
    })
    expect(await outcome()).toBe('ok')
    expect(await outcome({ kid: undefined })).toBe('ok')
  })

  test.each([
    ['cannot be imported', { d: 'AQAB' }],
    ['has 1,024 bits', { n: base64url.encode(new Uint8Array(128).fill(255)) }],
    ['has an empty modulus', { n: '' }],
  ])('RP-53a: a key that %s counts as missing, so the corrected key is found', async (_, wrong) => {
    const op = await pooledIssuer()
    let isWrong = true
    const { clock, outcome } = discovering(op, {
      answer: (url) =>
        url === jwks && isWrong ? Response.json({ keys: [{ ...op.key.publicJwk, ...wrong }] }) : undefined,
    })
    expect(await outcome()).toBe(unavailable)
    isWrong = false
    expect(await outcome()).toBe(unavailable)
    advance(clock, 30)
    expect(await outcome()).toBe('ok')
  })

  test('a kid of more than 1,024 characters is refused before any request', async () => {
    const op = await pooledIssuer()
    const { requests, outcome } = discovering(op)
    expect(await outcome({ kid: 'k'.repeat(1025) })).toBe('ERR_LOGOUT_TOKEN_INVALID')
    expect(requests).toEqual([])
  })

  test('RP-54c: a token without kid is checked against at most eight fitting keys', async () => {
    const op = await pooledIssuer()
    const others = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => (await createTestKey('RS256', `o${index}`)).publicJwk),
    )
    const serve = (keys: object[]) =>
      discovering(op, { answer: (url: string) => (url === jwks ? Response.json({ keys }) : undefined) })
    expect(await serve([...others.slice(0, 7), op.key.publicJwk]).outcome({ kid: undefined })).toBe('ok')
    expect(await serve([...others, op.key.publicJwk]).outcome({ kid: undefined })).toBe(wrongSignature)
  })

  test('an answer that is not a JWK Set is an outage', async () => {
    const op = await pooledIssuer()
    for (const body of [{}, { keys: {} }, []]) {
      const { outcome } = discovering(op, { answer: (url: string) => (url === jwks ? Response.json(body) : undefined) })
      expect(await outcome()).toBe(unavailable)
    }
  })
})

describe('the time limits of keys, exactly', () => {
  /** A receiver with keys at a URL, on a clock that moves only when the test moves it. */
  async function still(options: Discovering = {}) {
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const op = await pooledIssuer()
    const issuers = [{ issuer: op.issuer, clientId: op.clientId, keys: new URL(jwks) }]
    const made = discovering(op, { issuers, ...options })
    const after = (seconds: number) => {
      vi.advanceTimersByTime(seconds * 1000)
      made.requests.length = 0
    }
    return { op, after, ...made }
  }
  const [once, never]: string[][] = [[jwks], []]

  test.each([
    [599, never],
    [600, once],
  ])('RP-51: after %i s, a known key causes the requests %j', async (seconds, expected) => {
    const { logout, after, outcome, requests } = await still()
    await logout.warm()
    after(seconds)
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual(expected)
  })

  test.each([
    [30, never],
    [31, once],
  ])('RP-52: a stale JWK Set is refreshed again after 31 s: %i s, %j', async (seconds, expected) => {
    let isDown = false
    const { logout, after, outcome, requests } = await still({
      answer: () => (isDown ? new Response(null, { status: 500 }) : undefined),
    })
    await logout.warm()
    after(600)
    isDown = true
    expect(await outcome()).toBe('ok')
    after(seconds)
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual(expected)
  })

  test('RP-51a: one second after the start of a refresh, a token waits no longer', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const op = await pooledIssuer()
    let isSilent = false
    const { logout, outcome } = discovering(op, { answer: () => (isSilent ? new Promise(() => {}) : undefined) })
    await logout.warm()
    vi.advanceTimersByTime(600_000)
    isSilent = true
    const first = outcome()
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(1))
    await vi.advanceTimersByTimeAsync(1000)
    expect(await first).toBe('ok')
    // The timers stand still, so this token does not wait for one.
    expect(await outcome()).toBe('ok')
  })

  test('RP-51: a bad signature causes one fetch, and no second fetch if the new keys lack its kid', async () => {
    const { publicJwk } = await createTestKey('RS256', 'other')
    let hasChanged = false
    const { logout, token, after, requests } = await still({
      answer() {
        if (!hasChanged) return undefined
        // The answer takes one second. A second fetch would also take one second.
        vi.advanceTimersByTime(1000)
        return Response.json({ keys: [publicJwk] })
      },
    })
    await logout.warm()
    const [head, , signature] = (await token()).split('.')
    const [, payload] = (await token({ sid: 'another' })).split('.')
    after(1)
    hasChanged = true
    expect((await refusal(logout.receive([head, payload, signature].join('.')))).code).toBe(wrongSignature)
    expect(requests).toEqual([jwks])
  })

  test('RP-52: a bad signature waits at most keysTimeout for a provider that does not answer', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const op = await pooledIssuer()
    let isSilent = false
    const { logout, token, requests } = discovering(op, {
      answer: () => (isSilent ? new Promise(() => {}) : undefined),
    })
    await logout.warm()
    const [head, , signature] = (await token()).split('.')
    const [, payload] = (await token({ sid: 'another' })).split('.')
    requests.length = 0
    isSilent = true
    const refused = refusal(logout.receive([head, payload, signature].join('.')))
    await vi.waitFor(() => expect(requests).toEqual([jwks]))
    await vi.advanceTimersByTimeAsync(1500)
    expect((await refused).code).toBe(unavailable)
  })

  test.each([
    ['without keys', []],
    ['without objects', [null, 1]],
    // The import of each key fails, and would be tried again for each token.
    ['with more than 100 keys', Array.from({ length: 101 }, () => ({ kty: 'RSA' }))],
  ])('RP-53b: a JWK Set %s does not replace the last keys', async (_, empty) => {
    let isEmpty = false
    const { op, logout, after, outcome, requests, onError } = await still({
      answer: () => (isEmpty ? Response.json({ keys: empty }) : undefined),
    })
    await logout.warm()
    isEmpty = true
    after(600)
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual(once)
    expect(onError.mock.calls.map(([error]) => String(error.cause))).toEqual([
      `TypeError: ${jwks} must have 1 to 100 keys`,
    ])
    expect(await outcome({ kid: 'forged' })).toBe(unavailable)
    expect(await outcome()).toBe('ok')
    isEmpty = false
    await op.rotate()
    expect(await outcome()).toBe('ok')
  })

  test.each([
    [43_199, 'ok', never],
    [43_200, 'ok', once],
    [86_400, 'ok', once],
    [86_401, unavailable, once],
  ])('RP-53: after %i s without an answer, a known key is %s, and `warm` causes the requests %j', async (...row) => {
    const [seconds, expected, asked] = row
    const { logout, after, outcome, requests } = await still({
      answer: () => (requests.length > 1 ? new Response(null, { status: 500 }) : undefined),
    })
    await logout.warm()
    after(seconds)
    requests.push('earlier')
    await logout.warm().catch(() => {})
    expect(requests.slice(1)).toEqual(asked)
    expect(await outcome()).toBe(expected)
  })

  test.each([
    [29, never],
    [30, once],
  ])('RP-52: after %i s, a kid that was not found causes the requests %j', async (seconds, expected) => {
    const { after, outcome, requests } = await still()
    expect(await outcome({ kid: 'forged' })).toBe(wrongSignature)
    // The keys were fetched at the same instant, so one request is enough.
    expect(requests).toEqual(once)
    after(seconds)
    await outcome({ kid: 'forged' })
    expect(requests).toEqual(expected)
  })

  test.each([
    [14, never],
    [15, once],
  ])('RP-52c: after %i s, a second bad signature under a kid causes the requests %j', async (seconds, expected) => {
    const { logout, token, after, requests } = await still()
    const [head, , signature] = (await token()).split('.')
    const forged = async () => {
      const [, payload] = (await token({ sid: 'another' })).split('.')
      return (await refusal(logout.receive([head, payload, signature].join('.')))).code
    }
    expect(await forged()).toBe(wrongSignature)
    // The keys were fetched at the same instant, so one request is enough.
    expect(requests).toEqual(once)
    after(1)
    expect(await forged()).toBe(wrongSignature)
    expect(requests).toEqual(once)
    after(seconds)
    expect(await forged()).toBe(wrongSignature)
    expect(requests).toEqual(expected)
  })
})

test('the JWK Sets and the permits of all listed issuers are kept, even if there are more than a thousand', async () => {
  const op = await pooledIssuer()
  const issuers = Array.from({ length: 1001 }, (_, index) => {
    const issuer = `https://op-${index}.example`
    return { issuer, clientId: op.clientId, keys: new URL(`${issuer}/jwks`) }
  })
  const { requests, logout, token } = discovering(op, { issuers, answer: () => Response.json(op.jwks) })
  await logout.warm()
  await logout.warm()
  expect(requests.length).toBe(1001)
  for (let index = 0; index < 20; index += 1)
    await refusal(logout.receive(await token({ iss: issuers[0]!.issuer }, { kid: `forged-${index}` })))
  expect(requests.slice(1001)).toEqual(Array(3).fill(String(issuers[0]!.keys)))
})

describe('other sources of keys', () => {
  test('with discoverKeys, a new key with the old kid verifies its first token', async () => {
    const op = await createTestIssuer({ kid: 'the only one' })
    const issuers = [{ issuer: op.issuer, clientId: op.clientId, keys: discoverKeys(op.issuer, { fetch: op.fetch }) }]
    await verifyLogoutToken(await op.logoutToken(), issuers)
    const renewed = await createTestKey('RS256', 'the only one')
    op.jwks.keys.splice(0, 1, renewed.publicJwk)
    const claims = decodeJwt(await op.logoutToken())
    const token = await op.sign(claims, { alg: 'RS256', kid: 'the only one', typ: 'logout+jwt' }, renewed.privateKey)
    expect(await verifyLogoutToken(token, issuers)).toMatchObject({ iss: op.issuer })
  })

  test('with discoverKeys, a refresh that fails causes no unhandled rejection', async () => {
    const op = await pooledIssuer()
    const clock = createClock(op.now())
    const unhandled = vi.fn()
    process.on('unhandledRejection', unhandled)
    let isDown = false
    const answer = async (url: string) => (isDown ? new Response(null, { status: 500 }) : op.fetch(url))
    const keys = discoverKeys(op.issuer, { fetch: answer as typeof fetch })
    const issuers = [{ issuer: op.issuer, clientId: op.clientId, keys }]
    await verifyLogoutToken(await op.logoutToken(), issuers)
    advance(clock, 600)
    isDown = true
    expect(await verifyLogoutToken(await op.logoutToken(), issuers)).toMatchObject({ iss: op.issuer })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', unhandled)
    expect(unhandled).not.toHaveBeenCalled()
  })

  test('the limit of all unproven issuers does not count for discoverKeys', async () => {
    const op = await pooledIssuer()
    const fetchKeys = async (url: string) => {
      const { origin } = new URL(url)
      return Response.json(url.endsWith('/jwks') ? op.jwks : { issuer: origin, jwks_uri: `${origin}/jwks` })
    }
    const outcomes = Array.from({ length: 30 }, async (_, index) => {
      const issuer = `https://op-${index}.example`
      const keys = discoverKeys(issuer, { fetch: fetchKeys as typeof fetch })
      return verifyLogoutToken(await op.logoutToken({ iss: issuer }), [{ issuer, clientId: op.clientId, keys }])
    })
    expect(await Promise.all(outcomes)).toHaveLength(30)
  })

  test('keys at a URL are fetched without discovery, and over http only on loopback', async () => {
    const op = await pooledIssuer()
    const { requests, outcome } = discovering(op, {
      issuers: [{ issuer: op.issuer, clientId: op.clientId, keys: new URL(jwks) }],
    })
    expect(await outcome()).toBe('ok')
    expect(await outcome({ kid: 'unknown' })).toBe(wrongSignature)
    expect(requests).toEqual([jwks, jwks])
    const insecure = { issuer: op.issuer, clientId: op.clientId, keys: new URL('http://op.example.com/jwks') }
    expect(() => discovering(op, { issuers: [insecure] })).toThrow(TypeError)
  })

  test('a function gets the header and the parts of the token', async () => {
    const op = await pooledIssuer()
    const keys = vi.fn(async () => op.key.publicKey)
    const token = await op.logoutToken()
    await verifyLogoutToken(token, [{ ...op.trusted, keys }])
    const [encoded, payload, signature] = token.split('.')
    expect(keys.mock.calls).toEqual([
      [expect.objectContaining({ alg: 'RS256', kid: op.key.kid }), { protected: encoded, payload, signature }],
    ])
  })

  test.each<[string, () => Promise<never>]>([
    ['fails', () => Promise.reject(new Error('vault'))],
    ['fails with a code of its own', () => Promise.reject(Object.assign(new Error('vault'), { code: 'MY_ERR_JWS_X' }))],
    ['never answers', () => new Promise(() => {})],
  ])('a function that %s is an outage', async (_, keys) => {
    const op = await pooledIssuer()
    const { outcome } = discovering(op, { issuers: [{ issuer: op.issuer, clientId: op.clientId, keys }] })
    expect(await outcome()).toBe(unavailable)
  })

  test('verifyLogoutToken also refuses an http URL', async () => {
    const op = await pooledIssuer()
    const insecure = { ...op.trusted, keys: new URL('http://op.example.com/jwks') }
    await expect(verifyLogoutToken(await op.logoutToken(), [insecure])).rejects.toThrow('issuers[0].keys must be https')
  })

  test('RP-11a: an unknown issuer is refused before any request', async () => {
    const op = await pooledIssuer()
    const { requests, logout, token } = discovering(op)
    const error = await refusal(logout.receive(await token({ iss: 'https://op.example.com/' })))
    expect([error.code, error.claim, error.expected, requests]).toEqual([
      'ERR_LOGOUT_TOKEN_CLAIM',
      'iss',
      'https://op.example.com',
      [],
    ])
  })
})

describe('warm', () => {
  test('fetches the keys of each issuer once', async () => {
    const op = await pooledIssuer()
    const { requests, logout, outcome } = discovering(op)
    await Promise.all([logout.warm(), logout.warm()])
    await logout.warm()
    expect(await outcome()).toBe('ok')
    expect(requests).toEqual([discovery, jwks])
  })

  test('rejects while the provider is down', async () => {
    const op = await pooledIssuer()
    const { logout } = discovering(op, { answer: () => new Response(null, { status: 503 }) })
    expect(await refusal(logout.warm())).toMatchObject({
      code: unavailable,
      cause: { message: `${discovery}: answer refused, status 503` },
    })
  })

  test('the error names the issuer if the discovery document has another issuer', async () => {
    const op = await pooledIssuer()
    const { logout } = discovering(op, { answer: () => Response.json({ issuer: 'https://other.example' }) })
    expect((await refusal(logout.warm())).cause).toMatchObject({ message: `${discovery}: issuer is not ${op.issuer}` })
  })

  test.each([
    ['for five seconds, although a token waits only 1.5 s', {}, 4900, 'ok'],
    ['for five seconds and no longer', {}, 5100, unavailable],
    ['for keysTimeout if it is longer', { keysTimeout: 8 }, 7900, 'ok'],
  ])('waits for a slow provider %s', async (_, options, milliseconds, expected) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const op = await pooledIssuer()
    const sleep = () => new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), milliseconds))
    const { logout } = discovering(op, {
      ...options,
      issuers: [{ issuer: op.issuer, clientId: op.clientId, keys: new URL(jwks) }],
      answer: sleep,
    })
    const warmed = logout.warm().then(
      () => 'ok',
      ({ code }: { code: string }) => code,
    )
    await vi.advanceTimersByTimeAsync(9000)
    expect(await warmed).toBe(expected)
  })

  test('does nothing for keys that need no fetch', async () => {
    const op = await pooledIssuer()
    const issuers = [op.trusted, { issuer: 'entity', clientId: 'c', algorithms: ['HS256'], clientSecret: 's' }]
    const { requests, logout } = discovering(op, { issuers })
    await logout.warm()
    expect(requests).toEqual([])
  })
})
