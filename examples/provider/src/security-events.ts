import { randomBytes } from 'node:crypto'

import type { ExampleClient } from './config.ts'
import type { SentToken } from './tokens-sent.ts'

export type SecurityEvents = Awaited<ReturnType<typeof createSecurityEvents>>

const ACCOUNT_DISABLED = 'https://schemas.openid.net/secevent/risc/event-type/account-disabled'
const KEPT = 1000
const TIMEOUT_MS = 5000

/** Makes the transmitter. Imports `@bcl/testing` here, so that a provider without security events does not load it. */
async function createTransmitter(issuer: string) {
  const { createTestTransmitter } = await import('@bcl/testing')
  return createTestTransmitter({
    issuer: `${issuer.replace(/\/$/, '')}/ssf`,
    accessToken: randomBytes(32).toString('base64url'),
  })
}

/**
 * A transmitter of security events (Shared Signals). Its issuer is `ISSUER/ssf`. The audience of a token is the client.
 */
export async function createSecurityEvents(issuer: string, clients: readonly ExampleClient[]) {
  const receivers = clients.filter(({ security_events_uri }) => security_events_uri !== undefined)
  const transmitter = receivers.length > 0 ? await createTransmitter(issuer) : undefined
  const all: SentToken[] = []

  async function send(client: ExampleClient, sub: string): Promise<SentToken> {
    const uri = client.security_events_uri!
    const token = await transmitter!.set({
      aud: client.client_id,
      sub_id: { format: 'iss_sub', iss: issuer, sub },
      events: { [ACCOUNT_DISABLED]: { reason: 'hijacking' } },
    })
    const headers = new Headers({ 'content-type': 'application/secevent+jwt', accept: 'application/json' })
    if (client.security_events_authorization) headers.set('authorization', client.security_events_authorization)
    const started = performance.now()
    const answer = await fetch(uri, {
      method: 'POST',
      headers,
      body: token,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).then(
      ({ status }) => ({ status }),
      (error: Error) => ({ error: error.message }),
    )
    const ms = Math.round((performance.now() - started) * 10) / 10
    return { at: new Date().toISOString(), client_id: client.client_id, uri, token, ms, ...answer }
  }

  return {
    all: (): readonly SentToken[] => all,
    /** The clients that get the events. */
    receivers: receivers.map(({ client_id }) => client_id),
    /** The clients that get no events. */
    others: clients.filter((client) => !receivers.includes(client)).map(({ client_id }) => client_id),
    /** Serves the metadata and the keys. */
    fetch: (url: URL) => transmitter?.fetch(url) ?? new Response(null, { status: 404 }),

    /** Sends an event to each client that takes events. The event says that the account is disabled. */
    async accountDisabled(sub: string): Promise<SentToken[]> {
      const sent = await Promise.all(receivers.map((client) => send(client, sub)))
      all.push(...sent)
      all.splice(0, all.length - KEPT)
      return sent
    },
  }
}
