import { createBackchannelLogout, MemoryStore, type BackchannelLogout } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { advance, createClock, type Clock } from './support.js'

/** Answers a request in place of the provider. */
type Act = (response: ServerResponse, request: IncomingMessage) => void

/** A scripted OpenID Provider at a loopback port. It counts its requests. */
interface ScriptedProvider {
  op: TestIssuer
  /** The requested paths, in order. */
  asked: string[]
  /** The faulty answers by path. Other paths are answered correctly. */
  script: Record<string, Act>
  /** The path of the `jwks_uri` in the discovery document. */
  jwksPath: string
  /** Answers that wait for the end of the fault. */
  held: (() => void)[]
}

const discovery = '/.well-known/openid-configuration'
const json = (response: ServerResponse, value: unknown): void =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))

const provider = {} as ScriptedProvider

/** The correct answer at a path. */
function rightAnswer(path: string): object | undefined {
  const { issuer, jwks } = provider.op
  if (path === discovery) return { issuer, jwks_uri: issuer + provider.jwksPath }
  return path === provider.jwksPath ? jwks : undefined
}

const server = createServer((request, response) => {
  const path = request.url!
  provider.asked.push(path)
  response.on('error', () => {})
  const act = provider.script[path]
  const answer = rightAnswer(path)
  if (act) act(response, request)
  else if (answer) json(response, answer)
  else response.writeHead(404).end()
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

interface Receiver {
  clock: Clock
  logout: BackchannelLogout
  outcome(header?: object): Promise<string>
}

/** A receiver that finds its keys by discovery, over HTTP. */
async function createReceiver(): Promise<Receiver> {
  const clock = createClock()
  Object.assign(provider, {
    op: await createTestIssuer({ issuer, alg: 'ES256', now: clock.now }),
    asked: [],
    held: [],
    script: {},
  })
  provider.jwksPath = '/jwks'
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'test-client', algorithms: ['ES256'] }],
    sessionMaxAge: 3600,
    store: new MemoryStore({ now: clock.now }),
    now: clock.now,
  })
  const outcome = async (header?: object): Promise<string> =>
    logout.receive(await provider.op.logoutToken({}, header)).then(
      () => ok,
      (error: unknown) => (error as { code: string }).code,
    )
  return { clock, logout, outcome }
}

afterEach(() => server.closeAllConnections())

const ok = 'ok'
const unavailable = 'ERR_LOGOUT_KEYS_UNAVAILABLE'
const wrongSignature = 'ERR_LOGOUT_TOKEN_SIGNATURE'
const everywhere = (act: Act): Record<string, Act> => ({ [discovery]: act, '/jwks': act })

/** An answer that never ends. The receiver must close the connection. */
const endless: Act = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  const more = (): void => {
    while (!response.destroyed && response.write('"keys" '.repeat(4096)));
  }
  response.on('drain', more)
  more()
}

interface Fault {
  script: Record<string, Act>
  /** The result of a token under a new key during the fault, if the receiver already has keys. */
  warm: string
  /** The same result if the receiver has no keys yet. */
  cold: string
  /** A token waits until the fetch times out. So all tokens are sent at once. */
  isSlow?: boolean
  /**
   * The most requests that 60 tokens cause on a receiver without keys. The receiver tries four times. Each try requests the
   * discovery document, and then the keys if the document is right.
   */
  coldCost?: number
}

const faults: Record<string, Fault> = {
  'does not answer for a long time': {
    script: everywhere((response, { url }) => void provider.held.push(() => json(response, rightAnswer(url!)))),
    warm: unavailable,
    cold: unavailable,
    isSlow: true,
  },
  'sends its headers, and then nothing for a long time': {
    script: everywhere((response, { url }) => {
      response.writeHead(200).flushHeaders()
      provider.held.push(() => response.end(JSON.stringify(rightAnswer(url!))))
    }),
    warm: unavailable,
    cold: unavailable,
    isSlow: true,
  },
  'sends an endless answer': { script: everywhere(endless), warm: unavailable, cold: unavailable },
  'sends a huge answer': {
    script: everywhere((response) =>
      json(response, { issuer, jwks_uri: `${issuer}/jwks`, keys: ['x'.repeat(300_000)] }),
    ),
    warm: unavailable,
    cold: unavailable,
  },
  'announces a gigabyte': {
    script: everywhere((response) => response.writeHead(200, { 'content-length': 2 ** 30 }).write('x'.repeat(300_000))),
    warm: unavailable,
    cold: unavailable,
  },
  'answers 500': {
    script: everywhere((response) => response.writeHead(500).end()),
    warm: unavailable,
    cold: unavailable,
  },
  'answers 503 with its keys': {
    script: { '/jwks': (response) => response.writeHead(503).end(JSON.stringify(provider.op.jwks)) },
    warm: unavailable,
    cold: unavailable,
    coldCost: 8,
  },
  'redirects to its keys': {
    script: everywhere((response) => response.writeHead(302, { location: '/elsewhere' }).end()),
    warm: unavailable,
    cold: unavailable,
  },
  'names the wrong issuer': {
    script: { [discovery]: (response) => json(response, { issuer: `${issuer}/`, jwks_uri: `${issuer}/jwks` }) },
    warm: ok, // the receiver asks the old address first, and the keys are there
    cold: unavailable,
  },
  'names the wrong issuer, and serves no keys': {
    script: {
      [discovery]: (response) =>
        json(response, { issuer: 'https://other.example.com', jwks_uri: `${issuer}/elsewhere` }),
      '/jwks': (response) => response.writeHead(404).end(),
    },
    warm: unavailable,
    cold: unavailable,
  },
  'names a jwks_uri that is not a URL': {
    script: {
      [discovery]: (response) => json(response, { issuer, jwks_uri: { href: `${issuer}/elsewhere` } }),
      '/jwks': (response) => response.writeHead(404).end(),
    },
    warm: unavailable,
    cold: unavailable,
  },
  'answers HTML': {
    script: everywhere((response) => response.writeHead(200).end('<html>login</html>')),
    warm: unavailable,
    cold: unavailable,
  },
  'answers null': { script: everywhere((response) => json(response, null)), warm: unavailable, cold: unavailable },
  'answers with keys that are not a list': {
    script: { '/jwks': (response) => json(response, { keys: { 0: provider.op.key.publicJwk } }) },
    warm: unavailable,
    cold: unavailable,
    coldCost: 8,
  },
  'closes the connection before it answers': {
    script: everywhere((_, request) => request.socket.destroy()),
    warm: unavailable,
    cold: unavailable,
  },
  'closes the connection during its answer': {
    script: everywhere((response, request) => {
      response.writeHead(200, { 'content-length': 5000 }).write('{"keys":[', () => request.socket.destroy())
    }),
    warm: unavailable,
    cold: unavailable,
  },
}

/** Ends the fault, and sends the answers that were held back. */
function comesBack(): void {
  provider.script = {}
  for (const answer of provider.held.splice(0)) answer()
}

/** Sends 30 tokens with forged kids and 30 tokens under the newest key, all at once or one after the other. */
async function sendTokens({ outcome }: Receiver, isSlow = false): Promise<{ forged: Set<string>; good: Set<string> }> {
  const forged: string[] = []
  const good: string[] = []
  const send = async (index: number): Promise<void> => {
    const [header, list] = index % 2 === 0 ? [undefined, good] : [{ kid: `forged-${Math.trunc(index / 2)}` }, forged]
    list.push(await outcome(header))
  }
  if (isSlow) await Promise.all(Array.from({ length: 60 }, (_, index) => send(index)))
  else for (let index = 0; index < 60; index += 1) await send(index)
  return { forged: new Set(forged), good: new Set(good) }
}

describe.each(Object.entries(faults))('RP-51 to RP-54: a provider that %s', (_, fault) => {
  const { script, warm, cold, isSlow, coldCost = 4 } = fault

  test('a receiver with keys still accepts known keys, sends at most 6 requests, and recovers', async () => {
    const receiver = await createReceiver()
    const { clock, logout, outcome } = receiver
    await logout.warm()
    const known = { kid: provider.op.key.kid }
    const knownKey = provider.op.key.privateKey
    const underKnownKey = async () => {
      const claims = JSON.parse(Buffer.from((await provider.op.logoutToken()).split('.')[1]!, 'base64url').toString())
      return provider.op.sign(claims as object, { alg: 'ES256', ...known }, knownKey)
    }
    await provider.op.rotate()
    provider.script = script
    provider.asked = []
    const { forged, good } = await sendTokens(receiver, isSlow)
    expect(good).toEqual(new Set([warm]))
    expect(forged).not.toContain(ok)
    await expect(logout.receive(await underKnownKey())).resolves.toBeDefined()
    expect(provider.asked.length).toBeGreaterThan(0)
    expect(provider.asked.length).toBeLessThanOrEqual(6)
    expect(provider.asked).not.toContain('/elsewhere')

    // After ten minutes the JWK Set is stale. The receiver tries to refresh it, at most once in 31 seconds.
    advance(clock, 600)
    provider.asked = []
    for (let times = 0; times < 30; times += 1) {
      await expect(logout.receive(await underKnownKey())).resolves.toBeDefined()
    }
    expect(provider.asked.length).toBeLessThanOrEqual(2)

    comesBack()
    advance(clock, 15)
    await provider.op.rotate()
    provider.asked = []
    expect(await outcome()).toBe(ok)
    expect(provider.asked.length).toBeLessThanOrEqual(4)
  })

  test('a receiver without keys reports an outage, limits its requests, and recovers', async () => {
    const receiver = await createReceiver()
    provider.script = script
    const { forged, good } = await sendTokens(receiver, isSlow)
    expect(good).toEqual(new Set([cold]))
    expect(forged).toEqual(new Set([unavailable]))
    expect(provider.asked.length).toBeGreaterThan(0)
    expect(provider.asked.length).toBeLessThanOrEqual(coldCost)
    expect(provider.asked).not.toContain('/elsewhere')

    comesBack()
    advance(receiver.clock, 15)
    provider.asked = []
    expect(await receiver.outcome()).toBe(ok)
    // A fetch that began during the fault can still run at the same time as the new fetch.
    expect(provider.asked.length).toBeLessThanOrEqual(3)
  })
})

describe('RP-53, RP-54: one receiver during many phases of a provider', () => {
  test('each phase has the stated result and the stated number of requests', async () => {
    const { clock, outcome } = await createReceiver()
    const gone = (response: ServerResponse): void => void response.writeHead(404).end()
    const serving =
      (keys: object): Act =>
      (response) =>
        json(response, keys)
    let oldest = provider.op.key.kid
    const move = (path: string, old: Act): void => {
      provider.script = { ...provider.script, [provider.jwksPath]: old }
      provider.jwksPath = path
      delete provider.script[path]
    }
    const phases: [
      name: string,
      change: () => unknown,
      header: object | undefined,
      ends: string,
      asks: string[],
      after?: number,
    ][] = [
      ['the receiver sees it for the first time', () => {}, undefined, ok, [discovery, '/jwks']],
      ['nothing happens', () => {}, undefined, ok, []],
      ['it rotates', () => provider.op.rotate(), undefined, ok, ['/jwks']],
      ['it rotates again', () => provider.op.rotate(), undefined, ok, ['/jwks']],
      ['it withdraws the old keys', () => provider.op.rotate({ keepOld: false }), undefined, ok, ['/jwks']],
      ['a token has the kid of a withdrawn key', () => {}, { kid: oldest }, wrongSignature, ['/jwks', discovery]],
      ['another such token arrives 29 s later', () => {}, { kid: oldest }, unavailable, [], 29],
      [
        'its jwks_uri changes, and the old URL serves nothing',
        async () => (await provider.op.rotate(), move('/moved', gone)),
        undefined,
        ok,
        ['/jwks', discovery, '/moved'],
      ],
      [
        'its jwks_uri changes, and the old URL serves the old keys',
        async () => {
          move('/again', serving({ keys: [...provider.op.jwks.keys] }))
          await provider.op.rotate()
        },
        undefined,
        ok,
        ['/moved', discovery, '/again'],
      ],
      [
        'its jwks_uri changes back',
        async () => (await provider.op.rotate(), move('/jwks', (response) => response.writeHead(410).end())),
        undefined,
        ok,
        ['/again', discovery, '/jwks'],
      ],
      [
        'it serves the keys of another provider',
        async () => {
          await provider.op.rotate()
          provider.script['/jwks'] = serving((await createTestIssuer({ alg: 'ES256', kid: 'theirs' })).jwks)
        },
        undefined,
        wrongSignature,
        ['/jwks', discovery],
      ],
      ['it serves its own keys again', () => delete provider.script['/jwks'], undefined, ok, ['/jwks']],
      [
        'it serves no keys',
        async () => {
          await provider.op.rotate()
          provider.script['/jwks'] = serving({ keys: [] })
        },
        undefined,
        unavailable,
        ['/jwks', discovery],
      ],
      ['it serves its keys again', () => delete provider.script['/jwks'], undefined, ok, ['/jwks']],
      [
        'it is down, and the token has a known key',
        () => (provider.script = everywhere((response) => response.writeHead(502).end())),
        undefined,
        ok,
        [],
      ],
      [
        'it is down, and the token has a new key',
        () => provider.op.rotate(),
        undefined,
        unavailable,
        ['/jwks', discovery],
      ],
      ['it is back', () => (provider.script = {}), undefined, ok, ['/jwks']],
      [
        'it is down for more than a day',
        () => {
          provider.script = everywhere((response) => response.writeHead(502).end())
          advance(clock, 86_400)
        },
        undefined,
        unavailable,
        [discovery],
      ],
      ['it is back permanently', () => (provider.script = {}), undefined, ok, [discovery, '/jwks']],
    ]
    for (const [name, change, header, ends, asks, after = 60] of phases) {
      advance(clock, after)
      provider.asked = []
      await change()
      expect([name, await outcome(header)]).toEqual([name, ends])
      expect([name, ...provider.asked]).toEqual([name, ...asks])
      oldest = provider.op.key.kid
    }
  })
})
