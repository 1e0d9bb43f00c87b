import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'

import {
  type BackchannelLogout,
  createBackchannelLogout,
  type LogoutDelivery,
  MemoryStore,
  type SessionClaims,
  sessionClaims,
  type TrustedIssuer,
} from '@bcl/core'
import { compactDecrypt, decodeJwt } from 'jose'

import { createBrowser } from '../src/browser.ts'

/** A client: its registration at the provider, and its settings for the provider. */
export interface Party {
  clientId: string
  clientSecret: string
  metadata: object
  settings: Partial<TrustedIssuer>
}

/** A Relying Party on `node:http`, without an adapter. */
export async function startRelyingParty(issuer: string, { clientId, clientSecret, metadata, settings }: Party) {
  const deliveries: LogoutDelivery[] = []
  const logout: BackchannelLogout = createBackchannelLogout({
    issuers: [{ issuer, clientId, ...settings }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
    onDelivery: (delivery) => deliveries.push(delivery),
  })
  let signedIn = Promise.withResolvers<SessionClaims>()

  const server = createServer(async (incoming, outgoing) => {
    const address = new URL(incoming.url!, url)
    if (address.pathname === '/callback') {
      await exchange(address.searchParams.get('code')!).then(signedIn.resolve, signedIn.reject)
      outgoing.end('signed in')
      return
    }
    const response = await logout.handle(toRequest(incoming, address))
    outgoing.writeHead(response.status, Object.fromEntries(response.headers)).end(await response.text())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  async function exchange(code: string): Promise<SessionClaims> {
    const response = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${clientId}:${clientSecret}`)}` },
      body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: `${url}/callback` }),
    })
    const { id_token: idToken } = (await response.json()) as { id_token: string }
    const [key] = settings.decryption?.keys ?? []
    const jws = key ? new TextDecoder().decode((await compactDecrypt(idToken, key)).plaintext) : idToken
    return sessionClaims(decodeJwt(jws))
  }

  return {
    logout,
    deliveries,
    registration: {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${url}/callback`],
      backchannel_logout_uri: `${url}/backchannel-logout`,
      ...metadata,
    },

    /** Signs a user in through the code flow. Returns the claims that a session keeps. */
    async signIn(user: string): Promise<SessionClaims> {
      signedIn = Promise.withResolvers()
      const authorization = new URL(`${issuer}/auth`)
      authorization.search = String(
        new URLSearchParams({
          client_id: clientId,
          redirect_uri: `${url}/callback`,
          response_type: 'code',
          scope: 'openid',
          login_hint: user,
        }),
      )
      const page = await createBrowser().get(authorization.href)
      if (page.body !== 'signed in') throw new Error(`${user} could not sign in to ${clientId}: ${page.body}`)
      return signedIn.promise
    },

    async stop(): Promise<void> {
      await logout.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function toRequest(incoming: IncomingMessage, url: URL): Request {
  const { method = 'GET', headers } = incoming
  const body = method === 'POST' ? Readable.toWeb(incoming) : null
  return new Request(url, { method, headers: { 'content-type': headers['content-type'] ?? '' }, body, duplex: 'half' })
}
