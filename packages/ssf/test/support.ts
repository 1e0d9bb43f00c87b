import {
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type BackchannelLogoutOptions,
  type LogoutStore,
} from '@bcl/core'
import {
  createSecurityEventReceiver,
  type SecurityEvent,
  type SecurityEventDelivery,
  type SecurityEventReceiver,
  type SecurityEventReceiverOptions,
  type Transmitter,
} from '@bcl/ssf'
import { createTestIssuer } from '@bcl/testing'

export const issuer = 'https://op.example.com/realms/acme'
export const clock = { time: 1_800_000_000 }
export const op = await createTestIssuer({ issuer, now: () => clock.time })
export const authorization = 'Bearer receiver-secret'

const base = 'https://schemas.openid.net/secevent/'
export const types = {
  sessionRevoked: `${base}caep/event-type/session-revoked`,
  credentialChange: `${base}caep/event-type/credential-change`,
  accountDisabled: `${base}risc/event-type/account-disabled`,
  accountPurged: `${base}risc/event-type/account-purged`,
  accountEnabled: `${base}risc/event-type/account-enabled`,
  sessionsRevoked: `${base}risc/event-type/sessions-revoked`,
  tokensRevoked: `${base}oauth/event-type/tokens-revoked`,
  verification: `${base}ssf/event-type/verification`,
  streamUpdated: `${base}ssf/event-type/stream-updated`,
}

export const alice = { format: 'iss_sub', iss: issuer, sub: 'alice' }
export const session = (id: string) => ({ format: 'opaque', id })
export const complex = (members: object) => ({ format: 'complex', ...members })

let count = 0

/** Signs a SET with session-revoked for all sessions of alice. The value `undefined` removes a claim. */
export function signSet(claims: object = {}, header: object = {}, key?: Parameters<typeof op.sign>[2]) {
  const payload = {
    iss: issuer,
    aud: 'receiver',
    iat: op.now(),
    jti: `event-${(count += 1)}`,
    sub_id: alice,
    events: { [types.sessionRevoked]: {} },
    ...claims,
  }
  const parameters = Object.entries({ alg: 'RS256', kid: op.key.kid, typ: 'secevent+jwt', ...header })
  return op.sign(payload, Object.fromEntries(parameters.filter(([, value]) => value !== undefined)), key)
}

interface Push {
  method: string
  contentType: string | null
  authorization: string | null
}

export interface Receiving {
  logout: BackchannelLogout
  receiver: SecurityEventReceiver
  events: SecurityEvent[]
  deliveries: SecurityEventDelivery[]
  ended: unknown[]
  push(body: unknown, request?: Partial<Push>): Promise<{ status: number; headers: Headers; text: string }>
  isLoggedOut(claims?: object): Promise<boolean>
}

export interface ReceivingOptions extends Partial<Omit<SecurityEventReceiverOptions, 'transmitters' | 'logout'>> {
  transmitter?: Partial<Transmitter> | undefined
  transmitters?: readonly Transmitter[]
  store?: LogoutStore
  core?: Partial<BackchannelLogoutOptions>
}

/** A receiver of pushes. It records its events, deliveries and errors. */
export function receiving({ transmitter, store, core, ...options }: ReceivingOptions = {}): Receiving {
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 3600,
    store: store ?? new MemoryStore({ now: op.now }),
    now: op.now,
    ...core,
  })
  const ended: unknown[] = []
  logout.onLogout((event) => void ended.push(event))
  const events: SecurityEvent[] = []
  const deliveries: SecurityEventDelivery[] = []
  const receiver = createSecurityEventReceiver({
    logout,
    transmitters: [{ issuer, audience: 'receiver', keys: op.jwks, pushAuthorization: authorization, ...transmitter }],
    onEvent: (event) => void events.push(event),
    onDelivery: (delivery) => void deliveries.push(delivery),
    // The machine that runs the tests may be busy.
    timeout: 10,
    ...options,
  })
  return {
    logout,
    receiver,
    events,
    deliveries,
    ended,
    async push(body, request) {
      const { headers, ...answer } = await receiver.respond({
        method: 'POST',
        contentType: 'application/secevent+jwt',
        authorization,
        ...request,
        body: body as string,
      })
      return { status: answer.status, headers: new Headers(headers), text: answer.body }
    },
    isLoggedOut: (claims) => logout.isLoggedOut(op.session(claims)),
  }
}
