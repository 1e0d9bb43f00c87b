import type { RequestListener, ServerResponse } from 'node:http'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createTestIssuer } from '@bcl/testing'
import { expect, onTestFinished, test } from 'vitest'
import { bcl } from '../bcl.ts'
import { serve } from '../serve.ts'

/** The JSON that `bcl doctor --json` writes. */
interface Report {
  findings: { level: string; what: string; remedy?: string }[]
  registration: object
}

async function doctor(issuer: string, url: string, ...args: string[]): Promise<Report & { code: number }> {
  const { code, out, err } = await bcl(['doctor', issuer, 'my-client', url, '--json', ...args])
  if (out === '') throw new Error(err)
  return { code, ...(JSON.parse(out) as Report) }
}

/** Formats each warning and each problem as one line. */
const faultsOf = ({ findings }: Report): string[] =>
  findings.filter(({ level }) => level !== 'good').map(({ level, what, remedy }) => `${level}: ${what} ${remedy}`)

const metadataOf = (url: string): Record<string, unknown> => ({
  issuer: url,
  jwks_uri: `${url}/jwks`,
  id_token_signing_alg_values_supported: ['RS256'],
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
})

/** Starts a provider. `change` changes its discovery document, and `keys` replaces its keys. Returns the issuer. */
async function startProvider(
  change: (metadata: Record<string, unknown>) => object = (metadata) => metadata,
  alg = 'RS256',
  keys?: readonly unknown[],
) {
  const op = await createTestIssuer({ alg })
  const jwks = keys ? { keys } : op.jwks
  const url: string = await serve((request, response) => {
    const body = request.url === '/jwks' ? jwks : change(metadataOf(url))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  return url
}

const refuse = (response: ServerResponse, headers: Record<string, string> = { 'cache-control': 'no-store' }): void =>
  void response.writeHead(400, { 'content-type': 'application/json', ...headers }).end('{"error":"invalid_request"}')

/** Starts an application. Returns the address of its endpoint. */
const startEndpoint = async (listener: RequestListener = (_, response) => refuse(response)): Promise<string> =>
  `${await serve(listener)}/backchannel-logout`

/** Tells whether a warning is about the test itself. The endpoint is on loopback, and some providers have no keys. */
const isLoopbackWarning = (fault: string): boolean =>
  /^warning: The endpoint (?:is on this machine|answers an unsigned token with 400\. This says little)/.test(fault)

test('for a good provider and a good endpoint, only warns that the endpoint is on this machine', async () => {
  const url = await startEndpoint()
  const report = await doctor(await startProvider(), url)
  expect(faultsOf(report)).toEqual([expect.stringMatching(/^warning: The endpoint is on this machine\./)])
  expect(report.code).toBe(0)
  expect(report.registration).toEqual({
    client_id: 'my-client',
    backchannel_logout_uri: url,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: 'RS256',
  })
})

test.each<[string, (url: string) => Promise<string> | string, RegExp]>([
  [
    'a slash at the end of its issuer',
    () => startProvider((metadata) => ({ ...metadata, issuer: `${String(metadata['issuer'])}/` })),
    /^problem: .* names the issuer "(.*)\/", not "\1"\. They differ by a slash .* Configure the issuer as "\1\/"\.$/,
  ],
  [
    'another issuer',
    () => startProvider((metadata) => ({ ...metadata, issuer: 'https://op.example.com' })),
    /^problem: .*"https:\/\/op\.example\.com"/,
  ],
  [
    'no issuer',
    () => startProvider((metadata) => ({ ...metadata, issuer: undefined })),
    /^problem: The discovery document names no issuer/,
  ],
  [
    'no back-channel logout',
    () => startProvider((metadata) => ({ ...metadata, backchannel_logout_supported: false })),
    /^warning: The provider does not announce backchannel_logout_supported/,
  ],
  [
    'no sid',
    () => startProvider((metadata) => ({ ...metadata, backchannel_logout_session_supported: undefined })),
    /^warning: .*backchannel_logout_session_supported.*ends all sessions/,
  ],
  ['no server', () => 'http://127.0.0.1:9999', /^problem: Discovery .*ECONNREFUSED/],
  [
    'an HTML page as discovery document',
    () => serve((_, response) => void response.end('<html>')),
    /^problem: Discovery .*JSON/,
  ],
  [
    'no discovery document',
    () => serve((_, response) => void response.writeHead(404).end()),
    /^problem: Discovery .*the answer has the status 404/,
  ],
  [
    'a redirect from its discovery document',
    () => serve((_, response) => void response.writeHead(302, { location: 'https://www.example.com' }).end()),
    /^problem: Discovery .*the answer redirects to https:\/\/www\.example\.com/,
  ],
  [
    'an unreachable JWK Set',
    () => startProvider((metadata) => ({ ...metadata, jwks_uri: 'http://127.0.0.1:9999/jwks' })),
    /^problem: The keys at .*ECONNREFUSED/,
  ],
  [
    'keys only for ES384',
    () => startProvider((metadata) => ({ ...metadata, id_token_signing_alg_values_supported: ['ES384'] }), 'ES384'),
    /^problem: The JWK Set at .* has no key for RS256, .*algorithms: \['ES384'\]/,
  ],
  ['plain http on another machine', () => 'http://op.example.com', /^problem: The issuer does not use https/],
  [
    'the address of its discovery document as issuer',
    async () => `${await startProvider()}/.well-known/openid-configuration`,
    /^problem: This is the address of the discovery document, .* "http:\/\/127\.0\.0\.1:\d+"\.$/,
  ],
  [
    'no jwks_uri',
    () => startProvider((metadata) => ({ ...metadata, jwks_uri: undefined })),
    /^problem: The discovery document has no valid jwks_uri/,
  ],
  [
    'keys only for PS256',
    () => startProvider(undefined, 'PS256'),
    /^problem: The JWK Set at .* has no key for RS256, .*'PS256'/,
  ],
  [
    'another algorithm announced',
    () => startProvider((metadata) => ({ ...metadata, id_token_signing_alg_values_supported: ['PS256', 'ES256'] })),
    /^warning: The provider does not announce RS256\. It announces PS256, ES256\./,
  ],
  [
    'a jwks_uri with plain http on another machine',
    () => startProvider((metadata) => ({ ...metadata, jwks_uri: 'http://op.example.com/jwks' })),
    /^problem: The jwks_uri http:\/\/op\.example\.com\/jwks does not use https\. @bcl\/core refuses it\./,
  ],
  [
    'its discovery document elsewhere',
    async () => {
      const url: string = await serve((request, response) => {
        if (request.url !== '/.well-known/openid-configuration/tenant') return void response.writeHead(404).end()
        response.end(JSON.stringify({ ...metadataOf(`${url}/tenant`), jwks_uri: 'https://op.example.com/keys' }))
      })
      return `${url}/tenant`
    },
    /^problem: Discovery .*404.*configure keys: new URL\('https:\/\/op\.example\.com\/keys'\)\.$/,
  ],
  [
    'a discovery document that is too large for @bcl/core',
    () => startProvider((metadata) => ({ ...metadata, more: 'x'.repeat(256 * 1024) })),
    /^problem: Discovery .*the answer is larger than 256 KiB/,
  ],
  [
    'a JWK Set that is too large for @bcl/core',
    () => startProvider(undefined, 'RS256', [{ kty: 'RSA', n: 'x'.repeat(256 * 1024) }]),
    /^problem: The keys at .* cannot be fetched: the answer is larger than 256 KiB/,
  ],
  [
    'a discovery document and keys that have other values than texts',
    () =>
      startProvider(
        (metadata) => ({ ...metadata, id_token_signing_alg_values_supported: [null, { toString: 1 }] }),
        'RS256',
        [null, 1, [], { kty: 'EC', crv: { toString: 1 } }, { kty: { toString: 1 }, alg: { toString: 1 } }],
      ),
    /^problem: The JWK Set at .* has no key for RS256/,
  ],
  ['no TLS', async () => (await startProvider()).replace('http:', 'https:'), /^problem: .* no TLS connection/],
])('finds the fault of a provider with %s', async (_, make, message) => {
  const report = await doctor(await make(''), await startEndpoint())
  expect(faultsOf(report).filter((fault) => !isLoopbackWarning(fault))).toEqual([expect.stringMatching(message)])
  expect(report.code).toBe(message.source.startsWith('^problem') ? 1 : 0)
})

const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(code, headers).end()

test.each<[string, RequestListener, RegExp]>([
  ['redirects to a login', status(302, { location: '/login' }), /^problem: .*redirects an empty POST to \/login/],
  ['requires a login', status(401), /^problem: .*401, not with 400\. Mount the endpoint in front of the login check/],
  ['is behind a CSRF check', status(403), /^problem: .*403.*CSRF/],
  ['does not exist', status(404), /^problem: .*404.*path/],
  ['exists only for GET', status(405), /^problem: .*405.*POST/],
  ['does not parse forms', status(415), /^problem: .*415.*x-www-form-urlencoded/],
  ['fails', status(500), /^problem: .*500.*log/],
  ['accepts everything', status(200), /^problem: .*with 200, as if the logout had succeeded/],
  ['lets caches store its answer', (_, response) => refuse(response, {}), /^warning: .*no-store/],
  [
    'gives no reason',
    status(400, { 'cache-control': 'no-store' }),
    /^warning: The answer is not a JSON object with an error/,
  ],
  [
    'fails for a token',
    (request, response) => {
      request.on('data', () => response.writeHead(500).end()).on('end', () => response.headersSent || refuse(response))
    },
    /^problem: The endpoint answers an unsigned token with 500/,
  ],
  [
    'sends a very large answer',
    (_, response) => void response.writeHead(400, { 'cache-control': 'no-store' }).end('x'.repeat(257 * 1024)),
    /^problem: The endpoint cannot be reached: the answer is larger than 256 KiB/,
  ],
  ['closes the connection', (request) => void request.socket.destroy(), /^problem: The endpoint cannot be reached/],
])('finds the fault of an endpoint that %s', async (_, listener, message) => {
  const report = await doctor(await startProvider(), await startEndpoint(listener))
  expect(faultsOf(report).filter((fault) => !isLoopbackWarning(fault))).toEqual([expect.stringMatching(message)])
})

test('if the provider is down, does not call the answer 400 to a token right', async () => {
  const { findings } = await doctor('http://127.0.0.1:9999', await startEndpoint())
  expect(findings.find(({ what }) => what.includes('an unsigned token'))).toMatchObject({
    level: 'warning',
    what: expect.stringContaining('This says little'),
  })
})

test('finds a firewall that refuses long forms', async () => {
  const url = await startEndpoint((request, response) => {
    if (Number(request.headers['content-length']) > 1000) request.socket.destroy()
    else refuse(response)
  })
  expect(faultsOf(await doctor(await startProvider(), url))).toContainEqual(
    expect.stringMatching(/^problem: The endpoint does not answer a token of 1\.5 KB: .*firewall/),
  )
})

test('the registration names an algorithm for which the provider has a key', async () => {
  const { registration } = await doctor(await startProvider(undefined, 'ES384'), await startEndpoint())
  expect(registration).toMatchObject({ id_token_signed_response_alg: 'ES384' })
})

test('finds a key whose curve does not fit the algorithm', async () => {
  const report = await doctor(await startProvider(undefined, 'ES384'), await startEndpoint(), '--alg', 'ES256')
  expect(faultsOf(report).filter((fault) => !isLoopbackWarning(fault))).toEqual([
    expect.stringMatching(/^problem: The JWK Set at .* has no key for ES256, .*'ES384'/),
  ])
})

test('finds an endpoint in a private network', async () => {
  const report = await doctor(await startProvider(), 'https://app.internal/logout')
  expect(faultsOf(report)).toEqual([
    expect.stringMatching(/^warning: The endpoint is in a private network/),
    expect.stringMatching(/^problem: The endpoint cannot be reached/),
  ])
})

test('finds an endpoint with plain http on another machine', async () => {
  const report = await doctor(await startProvider(), 'http://app.invalid/logout')
  expect(faultsOf(report)).toEqual([
    expect.stringMatching(/^problem: The endpoint does not use https/),
    expect.stringMatching(/^problem: The endpoint cannot be reached/),
  ])
})

/** Starts a server that answers as Redis. Returns its URL. */
async function startRedis(answer: string): Promise<string> {
  const server = createServer((socket) => void socket.once('data', () => socket.end(answer))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())))
  return `redis://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([
  ['evicts nothing', '+OK\r\n$30\r\nmaxmemory_policy:noeviction\r\n\r\n+OK\r\n', []],
  [
    'can evict logouts',
    '$31\r\nmaxmemory_policy:allkeys-lru\r\n\r\n',
    [/^problem: .*allkeys-lru\. Set maxmemory-policy to noeviction/],
  ],
  [
    'requires a login',
    '-NOAUTH Authentication required.\r\n',
    [/^warning: .*NOAUTH Authentication required\. Make sure/],
  ],
])('checks a Redis that %s', async (_, answer, messages) => {
  const report = await doctor(await startProvider(), await startEndpoint(), '--redis', await startRedis(answer))
  expect(faultsOf(report).filter((fault) => !isLoopbackWarning(fault))).toEqual(
    messages.map((message) => expect.stringMatching(message)),
  )
})

test('a Redis that sends too much is a problem', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume()
    socket.write('x'.repeat(100_001))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())))
  const url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`
  const report = await doctor(await startProvider(), await startEndpoint(), '--redis', url)
  expect(faultsOf(report)).toContainEqual(expect.stringMatching(/^problem: Redis .*the answer is too long/))
})

test('a wrong escape in the URL of Redis is an error', async () => {
  const { err, code } = await bcl([
    'doctor',
    'http://127.0.0.1:1',
    'c',
    'http://127.0.0.1:1',
    '--redis',
    'redis://a:%zz@x',
  ])
  expect(err).toContain("Option '--redis <url>' is invalid. Its user name and password must be percent-encoded.\n")
  expect(code).toBe(2)
})

test('a provider cannot add lines to the text output', async () => {
  const provider = await startProvider((metadata) => ({ ...metadata, issuer: 'x"\r\n✓ All is well.\n' }))
  const { out } = await bcl(['doctor', provider, 'my-client', await startEndpoint()])
  expect(out).toContain(String.raw`names the issuer "x"\r\n✓ All is well.\n"`)
  expect(out).not.toMatch(/^✓ All is well/m)
})

test('the text output has the remedies and the registration', async () => {
  const { code, out } = await bcl(['doctor', await startProvider(), 'my-client', await startEndpoint(status(403))])
  expect(out).toMatch(/^✓ Discovery at /)
  expect(out).toMatch(/✗ The endpoint answers an empty POST with 403, not with 400\.\n {2}Check the path/)
  expect(out).toContain('"backchannel_logout_session_required": true')
  expect(code).toBe(1)
})

test('after --, takes a client_id that looks like an option', async () => {
  const { out } = await bcl(['doctor', '--json', '--', await startProvider(), '-x', await startEndpoint()])
  expect((JSON.parse(out) as Report).registration).toMatchObject({ client_id: '-x' })
})
