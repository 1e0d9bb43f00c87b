import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createTestProvider, type ProviderSession, type TestProvider } from '@bcl/testing'
import { CommandError } from '../terminal/command-error.js'
import type { ServerCertificate } from './certificate.js'
import { cacheFolder, loadOrCreateKeys } from './key-cache.js'

export interface ServeOptions {
  /** The port. With 0, the system chooses a free port. */
  port: number
  /** The address that the server listens on. @default '127.0.0.1' */
  host?: string | undefined
  /** The issuer identifier. @default `http://` (`https://` with `tls`), the host and the port */
  issuer?: string | undefined
  /** True if the server must use https, with a certificate of a CA that `bcl` makes. */
  tls?: boolean | undefined
  /** The algorithm of the ID Tokens and Logout Tokens. @default 'RS256' */
  alg?: string | undefined
  clientId: string
  clientSecret: string
  /** Called at each sign-in. */
  onSignIn?: ((session: ProviderSession) => void) | undefined
  /**
   * Gets each request before the provider. Returns an answer, or `undefined` to let the provider answer.
   */
  intercept?: ((request: Request, provider: TestProvider) => Promise<Response | undefined>) | undefined
}

export interface ServedProvider {
  provider: TestProvider
  /** The file with the certificate of the CA. Only set with `tls`. */
  caFile?: string | undefined
  /** Stops the server. */
  close(): Promise<void>
}

/** The request headers that the provider needs. */
const readHeaders = ['accept', 'authorization', 'content-type', 'cookie', 'host', 'origin', 'sec-fetch-site']

async function toRequest(incoming: IncomingMessage, origin: string): Promise<Request> {
  const { method = 'GET', url = '/', headers: received } = incoming
  const headers = readHeaders.flatMap((name): [string, string][] => {
    const value = received[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
  const body = method === 'GET' || method === 'HEAD' ? null : await text(incoming)
  return new Request(new URL(url, origin), { method, headers, body })
}

async function sendResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  const cookies = response.headers.getSetCookie()
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'set-cookie'))
  outgoing.writeHead(response.status, { ...headers, ...(cookies.length > 0 && { 'set-cookie': cookies }) })
  outgoing.end(await response.text())
}

function listen(port: number, host: string, certificate: ServerCertificate | undefined): Promise<Server> {
  const server = certificate ? createTlsServer(certificate) : createServer()
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${code})`
      const remedy = 'Choose another port with --port, and configure your application with the new ISSUER.'
      reject(new CommandError(`Port ${port} ${reason}.`, remedy))
    })
    server.listen(port, host, () => resolve(server))
  })
}

/** Returns the host for the default issuer. For a server that listens on all addresses, this is 127.0.0.1. */
const hostInIssuer = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}

/** Starts an OpenID Provider. The provider signs in everybody, without a password. */
export async function serveProvider(options: ServeOptions): Promise<ServedProvider> {
  const { port, host = '127.0.0.1', tls = false, alg = 'RS256', issuer, intercept, ...providerOptions } = options
  const hostname = issuer === undefined ? hostInIssuer(host) : new URL(issuer).hostname
  // Imports certificate.ts only if https is needed, because certificate.ts imports a library that loads slowly.
  const { createServerCertificate } = tls ? await import('./certificate.js') : {}
  const certificate = await createServerCertificate?.(cacheFolder(), hostname.replace(/^\[|\]$/g, ''))
  const server = await listen(port, host, certificate)
  const scheme = tls ? 'https' : 'http'
  const identifier = issuer ?? `${scheme}://${hostname}:${(server.address() as AddressInfo).port}`
  const keys = await loadOrCreateKeys(alg)
  const provider = await createTestProvider({ issuer: identifier, ...providerOptions, ...keys })
  const { origin } = new URL(identifier)
  server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    toRequest(incoming, origin)
      .then(async (request) => (await intercept?.(request, provider)) ?? provider.handle(request))
      .then((response) => sendResponse(response, outgoing))
      .catch(() => outgoing.headersSent || outgoing.writeHead(400).end())
  })
  return {
    provider,
    caFile: certificate?.caFile,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/**
 * Returns the settings for an application that trusts the provider, in the form of an `.env` file. Also returns the registration
 * of the client.
 *
 * @param endpoint The back-channel logout endpoint of the application.
 * @param requireSid True if each Logout Token has a `sid`.
 */
export const describeProvider = ({ provider, caFile }: ServedProvider, endpoint?: string, requireSid = false): string =>
  `${describeClient(provider, endpoint, requireSid)}${caFile === undefined ? '' : describeTrust(caFile)}`

const describeTrust = (caFile: string): string => `
Let your application trust the certificate of the provider. The file of the CA is ${caFile}.

Node.js          NODE_EXTRA_CA_CERTS=${caFile}
Python requests  REQUESTS_CA_BUNDLE=${caFile}
OpenSSL, Ruby    SSL_CERT_FILE=${caFile}
curl, PHP        CURL_CA_BUNDLE=${caFile} (PHP: curl.cainfo)
Java             keytool -importcert -cacerts -alias bcl -file ${caFile}
`

const describeClient = (
  { op, clientSecret }: TestProvider,
  endpoint: string | undefined,
  requireSid: boolean,
): string =>
  `An OpenID Provider has started. Configure your application with:

ISSUER=${op.issuer}
CLIENT_ID=${op.clientId}
CLIENT_SECRET=${clientSecret}

The client is registered with:

redirect_uris                        any address
post_logout_redirect_uris            any address
response_types                       code, id_token, code id_token
response modes                       query, fragment, form_post
token_endpoint_auth_method           client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, none
id_token_signed_response_alg         ${op.key.alg}
backchannel_logout_uri               ${endpoint ?? 'none'}
backchannel_logout_session_required  ${requireSid}
`
