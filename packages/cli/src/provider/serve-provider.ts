import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createTestProvider, type ProviderSession, type TestProvider } from '@bcl/testing'
import { keepKeys } from './keep-keys.js'
import { Problem } from '../terminal/problem.js'

export interface ServeOptions {
  port: number
  issuer?: string | undefined
  clientId: string
  clientSecret: string
  onSignIn?: ((session: ProviderSession) => void) | undefined
}

export interface ServedProvider {
  provider: TestProvider
  close(): Promise<void>
}

async function toRequest(incoming: IncomingMessage, origin: string): Promise<Request> {
  const { method = 'GET', url = '/', headers } = incoming
  const kept = ['accept', 'authorization', 'content-type', 'cookie'].flatMap((name): [string, string][] => {
    const value = headers[name]
    return typeof value === 'string' ? [[name, value]] : []
  })
  const body = method === 'GET' || method === 'HEAD' ? null : await text(incoming)
  return new Request(new URL(url, origin), { method, headers: kept, body })
}

async function write(response: Response, outgoing: ServerResponse): Promise<void> {
  const cookies = response.headers.getSetCookie()
  const headers = Object.fromEntries([...response.headers].filter(([name]) => name !== 'set-cookie'))
  outgoing.writeHead(response.status, { ...headers, ...(cookies.length > 0 && { 'set-cookie': cookies }) })
  outgoing.end(await response.text())
}

function listen(port: number): Promise<ReturnType<typeof createServer>> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => {
      const what = code === 'EADDRINUSE' ? 'is in use' : `cannot be had (${code})`
      reject(new Problem(`Port ${port} ${what}.`, 'Choose another one with --port, and tell your application.'))
    })
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

/** Starts an OpenID Provider on this machine alone: it signs in whoever asks. */
export async function serveProvider({ port, issuer, ...options }: ServeOptions): Promise<ServedProvider> {
  const server = await listen(port)
  const named = issuer ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = await createTestProvider({ issuer: named, ...options, ...(await keepKeys()) })
  const { origin } = new URL(named)
  server.on('request', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    toRequest(incoming, origin)
      .then((request) => provider.handle(request))
      .then((response) => write(response, outgoing))
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

/** What an application must be told to trust it, to paste into an `.env`. */
export const introduce = ({
  op,
  clientSecret,
}: TestProvider): string => `An OpenID Provider is up for your application to trust:

ISSUER=${op.issuer}
CLIENT_ID=${op.clientId}
CLIENT_SECRET=${clientSecret}
`
