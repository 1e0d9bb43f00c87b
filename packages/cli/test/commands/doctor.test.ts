import type { RequestListener, ServerResponse } from 'node:http'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { createTestIssuer } from '@bcl/testing'
import { expect, onTestFinished, test } from 'vitest'
import { bcl } from '../bcl.ts'
import { serve } from '../serve.ts'

interface Found {
  findings: { level: string; what: string; remedy?: string }[]
  registration: object
}

async function doctor(issuer: string, url: string, ...args: string[]): Promise<Found & { code: number }> {
  const { code, out, err } = await bcl(['doctor', issuer, 'my-client', url, '--json', ...args])
  if (out === '') throw new Error(err)
  return { code, ...(JSON.parse(out) as Found) }
}

/** What is not as it should be: its level and what is said, in one line each. */
const faultsOf = ({ findings }: Found): string[] =>
  findings.filter(({ level }) => level !== 'good').map(({ level, what, remedy }) => `${level}: ${what} ${remedy}`)

const metadataOf = (url: string): Record<string, unknown> => ({
  issuer: url,
  jwks_uri: `${url}/jwks`,
  id_token_signing_alg_values_supported: ['RS256'],
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
})

/** A provider, with what is changed about it. */
async function provider(change: (metadata: Record<string, unknown>) => object = (metadata) => metadata, alg = 'RS256') {
  const op = await createTestIssuer({ alg })
  const url: string = await serve((request, response) => {
    const body = request.url === '/jwks' ? op.jwks : change(metadataOf(url))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  return url
}

const refuse = (response: ServerResponse, headers: Record<string, string> = { 'cache-control': 'no-store' }): void =>
  void response.writeHead(400, { 'content-type': 'application/json', ...headers }).end('{"error":"invalid_request"}')

const endpoint = async (listener: RequestListener = (_, response) => refuse(response)): Promise<string> =>
  `${await serve(listener)}/backchannel-logout`

const here = /^warning: The endpoint is on this machine/

test('finds nothing but that this is this machine', async () => {
  const url = await endpoint()
  const found = await doctor(await provider(), url)
  expect(faultsOf(found)).toEqual([expect.stringMatching(here)])
  expect(found.code).toBe(0)
  expect(found.registration).toEqual({
    client_id: 'my-client',
    backchannel_logout_uri: url,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: 'RS256',
  })
})

test.each<[string, (url: string) => Promise<string> | string, RegExp]>([
  [
    'a slash too few',
    () => provider((metadata) => ({ ...metadata, issuer: `${String(metadata['issuer'])}/` })),
    /^problem: .* names the issuer "(.*)\/", not "\1"\. They differ by a slash .* Configure the issuer as "\1\/"\.$/,
  ],
  [
    'another issuer',
    () => provider((metadata) => ({ ...metadata, issuer: 'https://op.example.com' })),
    /^problem: .*"https:\/\/op\.example\.com"/,
  ],
  [
    'no issuer',
    () => provider((metadata) => ({ ...metadata, issuer: undefined })),
    /^problem: The discovery document names no issuer/,
  ],
  [
    'no back-channel logout',
    () => provider((metadata) => ({ ...metadata, backchannel_logout_supported: false })),
    /^warning: The provider does not announce backchannel_logout_supported/,
  ],
  [
    'no sid',
    () => provider((metadata) => ({ ...metadata, backchannel_logout_session_supported: undefined })),
    /^warning: .*backchannel_logout_session_supported.*ends all sessions/,
  ],
  ['nobody', () => 'http://127.0.0.1:9999', /^problem: Discovery .*ECONNREFUSED/],
  ['a page', () => serve((_, response) => void response.end('<html>')), /^problem: Discovery .*JSON/],
  ['a 404', () => serve((_, response) => void response.writeHead(404).end()), /^problem: Discovery .*it answers 404/],
  [
    'a redirect',
    () => serve((_, response) => void response.writeHead(302, { location: 'https://www.example.com' }).end()),
    /^problem: Discovery .*it redirects to https:\/\/www\.example\.com/,
  ],
  [
    'keys elsewhere',
    () => provider((metadata) => ({ ...metadata, jwks_uri: 'http://127.0.0.1:9999/jwks' })),
    /^problem: The keys at .*ECONNREFUSED/,
  ],
  [
    'keys for ES384',
    () => provider((metadata) => ({ ...metadata, id_token_signing_alg_values_supported: ['ES384'] }), 'ES384'),
    /^problem: There is no key for RS256 .*algorithms: \['ES384'\]/,
  ],
  ['plain http to elsewhere', () => 'http://op.example.com', /^problem: The issuer is not https/],
  [
    'a discovery document for an issuer',
    async () => `${await provider()}/.well-known/openid-configuration`,
    /^problem: This is the address of the discovery document, .* "http:\/\/127\.0\.0\.1:\d+"\.$/,
  ],
  [
    'no keys named',
    () => provider((metadata) => ({ ...metadata, jwks_uri: undefined })),
    /^problem: The discovery document names no jwks_uri/,
  ],
  ['keys for PS256', () => provider(undefined, 'PS256'), /^problem: There is no key for RS256 .*'PS256'/],
  [
    'another algorithm announced',
    () => provider((metadata) => ({ ...metadata, id_token_signing_alg_values_supported: ['PS256', 'ES256'] })),
    /^warning: The provider does not announce RS256, but PS256, ES256/,
  ],
  ['no TLS', async () => (await provider()).replace('http:', 'https:'), /^problem: .* it does not speak TLS/],
])('a provider with %s', async (_, make, said) => {
  const found = await doctor(await make(''), await endpoint())
  expect(faultsOf(found).filter((fault) => !here.test(fault))).toEqual([expect.stringMatching(said)])
  expect(found.code).toBe(said.source.startsWith('^problem') ? 1 : 0)
})

const status =
  (code: number, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    void response.writeHead(code, headers).end()

test.each<[string, RequestListener, RegExp]>([
  ['redirects to a login', status(302, { location: '/login' }), /^problem: .*redirects an empty POST to \/login/],
  ['wants a login', status(401), /^problem: .*401, not 400\. Mount the endpoint before whatever asks for a login/],
  ['has a CSRF check before it', status(403), /^problem: .*403.*CSRF/],
  ['is not there', status(404), /^problem: .*404.*path/],
  ['is there for GET', status(405), /^problem: .*405.*POST/],
  ['does not parse forms', status(415), /^problem: .*415.*x-www-form-urlencoded/],
  ['falls over', status(500), /^problem: .*500.*log/],
  ['says yes to everything', status(200), /^problem: .*with 200, as if it had logged somebody out/],
  ['may be stored', (_, response) => refuse(response, {}), /^warning: .*no-store/],
  ['says nothing', status(400, { 'cache-control': 'no-store' }), /^warning: Its answer is not JSON/],
  [
    'falls over a token',
    (request, response) => {
      request.on('data', () => response.writeHead(500).end()).on('end', () => response.headersSent || refuse(response))
    },
    /^problem: The endpoint answers a token that nobody signed with 500/,
  ],
  ['hangs up', (request) => void request.socket.destroy(), /^problem: The endpoint cannot be reached/],
])('an endpoint that %s', async (_, listener, said) => {
  const found = await doctor(await provider(), await endpoint(listener))
  expect(faultsOf(found).filter((fault) => !here.test(fault))).toEqual([expect.stringMatching(said)])
})

test('a curve that is not that of the algorithm', async () => {
  const found = await doctor(await provider(undefined, 'ES384'), await endpoint(), '--alg', 'ES256')
  expect(faultsOf(found).filter((fault) => !here.test(fault))).toEqual([
    expect.stringMatching(/^problem: There is no key for ES256 .*'ES384'/),
  ])
})

test('an endpoint in a private network', async () => {
  const found = await doctor(await provider(), 'https://app.internal/logout')
  expect(faultsOf(found)).toEqual([
    expect.stringMatching(/^warning: The endpoint is in a private network/),
    expect.stringMatching(/^problem: The endpoint cannot be reached/),
  ])
})

test('an endpoint that is not https, elsewhere', async () => {
  const found = await doctor(await provider(), 'http://app.invalid/logout')
  expect(faultsOf(found)).toEqual([
    expect.stringMatching(/^problem: The endpoint is not https/),
    expect.stringMatching(/^problem: The endpoint cannot be reached/),
  ])
})

/** As much of Redis as is asked. */
async function redis(answer: string): Promise<string> {
  const server = createServer((socket) => void socket.once('data', () => socket.end(answer))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())))
  return `redis://user:secret@127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each([
  ['keeps all', '+OK\r\n$30\r\nmaxmemory_policy:noeviction\r\n\r\n+OK\r\n', []],
  ['may evict', '$31\r\nmaxmemory_policy:allkeys-lru\r\n\r\n', [/^problem: .*allkeys-lru\. Set it to noeviction/]],
  ['wants a login', '-NOAUTH Authentication required.\r\n', [/^warning: .*NOAUTH Authentication required\. See/]],
])('a Redis that %s', async (_, answer, said) => {
  const found = await doctor(await provider(), await endpoint(), '--redis', await redis(answer))
  expect(faultsOf(found).filter((fault) => !here.test(fault))).toEqual(said.map((one) => expect.stringMatching(one)))
})

test('tells people what to do, and what to register', async () => {
  const { code, out } = await bcl(['doctor', await provider(), 'my-client', await endpoint(status(403))])
  expect(out).toMatch(/^✓ Discovery at /)
  expect(out).toMatch(/✗ The endpoint answers an empty POST with 403, not 400\.\n {2}Mount/)
  expect(out).toContain('"backchannel_logout_session_required": true')
  expect(code).toBe(1)
})
