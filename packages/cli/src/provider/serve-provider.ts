import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createTestProvider, type ProviderSession, type TestProvider } from '@bcl/testing'
import { CommandError } from '../terminal/command-error.js'
import { loadOrCreateKeys } from './key-cache.js'

export interface ServeOptions {
  /** The port on loopback. 0 takes any free port. */
  port: number
  /** The issuer identifier. @default `http://127.0.0.1:` and the port */
  issuer?: string | undefined
  clientId: string
  clientSecret: string
  /** Called at each sign-in. */
  onSignIn?: ((session: ProviderSession) => void) | undefined
}

export interface ServedProvider {
  provider: TestProvider
  /** Stops the server. */
  close(): Promise<void>
}

/** The request headers that the provider reads. */
const readHeaders = ['accept', 'authorization', 'content-type', 'cookie']

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

function listen(port: number): Promise<ReturnType<typeof createServer>> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be opened (${code})`
      const remedy = 'Choose another port with --port, and configure your application with the new ISSUER.'
      reject(new CommandError(`Port ${port} ${reason}.`, remedy))
    })
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

/** Starts an OpenID Provider on loopback. The provider signs in everybody and asks for no password. */
export async function serveProvider({ port, issuer, ...options }: ServeOptions): Promise<ServedProvider> {
  const server = await listen(port)
  const identifier = issuer ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = await createTestProvider({ issuer: identifier, ...options, ...(await loadOrCreateKeys()) })
  const { origin } = new URL(identifier)
  server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    toRequest(incoming, origin)
      .then((request) => provider.handle(request))
      .then((response) => sendResponse(response, outgoing))
      .catch(() => outgoing.headersSent || outgoing.writeHead(400).end())
  })
  return {
    provider,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Lists the settings with which an application trusts the provider, in the form of an `.env` file. */
export const describeProvider = ({
  op,
  clientSecret,
}: TestProvider): string => `An OpenID Provider has started. Configure your application with:

ISSUER=${op.issuer}
CLIENT_ID=${op.clientId}
CLIENT_SECRET=${clientSecret}
`
