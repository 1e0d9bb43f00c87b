import {
  createBackchannelLogout,
  discoverKeys,
  MemoryStore,
  sessionClaims,
  verifyLogoutToken,
  type BackchannelLogout,
  type BackchannelLogoutErrorCode,
  type BackchannelLogoutOptions,
  type EndedSessions,
  type LogoutDelivery,
  type LogoutEvent,
  type LogoutOrigin,
  type LogoutRequest,
  type LogoutResponse,
  type LogoutStore,
  type LogoutToken,
  type SessionClaims,
  type SessionToEnd,
  type SubjectToEnd,
  type TrustedIssuer,
} from '@bcl/core'
import type { JWTVerifyGetKey } from 'jose'
import { expectTypeOf } from 'vitest'

const issuer: TrustedIssuer = { issuer: 'https://op.example.com', clientId: 'c' }
const store: LogoutStore = new MemoryStore()
const logout = createBackchannelLogout({ issuers: [issuer] as const, sessionMaxAge: 1, store })

expectTypeOf(logout).toEqualTypeOf<BackchannelLogout>()
expectTypeOf(logout.receive('')).resolves.toEqualTypeOf<LogoutEvent>()
expectTypeOf(logout.trackSession).parameters.toEqualTypeOf<[session: SessionClaims, sessionId: string]>()
expectTypeOf(logout.handle).toEqualTypeOf<(request: Request) => Promise<Response>>()
expectTypeOf(sessionClaims({})).toEqualTypeOf<SessionClaims>()
expectTypeOf(discoverKeys('')).toEqualTypeOf<JWTVerifyGetKey>()
expectTypeOf(verifyLogoutToken('', [issuer]))
  .resolves.toHaveProperty('sid')
  .toEqualTypeOf<string | undefined>()

// The type of each public member. Users rely on these types.
expectTypeOf<BackchannelLogoutErrorCode>().toEqualTypeOf<
  | 'ERR_LOGOUT_REQUEST_INVALID'
  | 'ERR_LOGOUT_TOKEN_INVALID'
  | 'ERR_LOGOUT_TOKEN_SIGNATURE'
  | 'ERR_LOGOUT_TOKEN_CLAIM'
  | 'ERR_LOGOUT_TOKEN_EXPIRED'
  | 'ERR_LOGOUT_TOKEN_REPLAYED'
  | 'ERR_LOGOUT_KEYS_UNAVAILABLE'
  | 'ERR_LOGOUT_FAILED'
>()
expectTypeOf<keyof TrustedIssuer>().toEqualTypeOf<
  | 'issuer'
  | 'clientId'
  | 'sessionIssuer'
  | 'keys'
  | 'algorithms'
  | 'clientSecret'
  | 'decryption'
  | 'clockTolerance'
  | 'iatSkew'
  | 'maxTokenAge'
  | 'requireExp'
  | 'requireTyp'
  | 'requireSid'
  | 'trustedAudiences'
  | 'logoutScope'
>()
expectTypeOf<keyof BackchannelLogoutOptions>().toEqualTypeOf<
  | 'issuers'
  | 'sessionMaxAge'
  | 'store'
  | 'destroySession'
  | 'recheckAfter'
  | 'replay'
  | 'unavailableStatus'
  | 'storeTimeout'
  | 'listenerTimeout'
  | 'keysTimeout'
  | 'pollInterval'
  | 'fetch'
  | 'allowInsecureRequests'
  | 'now'
  | 'onDelivery'
  | 'onError'
>()
expectTypeOf<keyof BackchannelLogout>().toEqualTypeOf<
  | 'receive'
  | 'onLogout'
  | 'isLoggedOut'
  | 'watch'
  | 'trackSession'
  | 'untrackSession'
  | 'endSession'
  | 'endAllSessions'
  | 'respond'
  | 'handle'
  | 'warm'
  | 'close'
>()
expectTypeOf<EndedSessions>().toEqualTypeOf<{
  iss: string
  clientIds: readonly string[]
  iat: number
  sub?: string
  sid?: string
  sessionIds: readonly string[]
  replayed: boolean
}>()
expectTypeOf<LogoutEvent>().toEqualTypeOf<
  | (EndedSessions & { source: 'logout-token' | 'security-event'; jti: string; events: object; claims: object })
  | (EndedSessions & { source: 'application'; jti?: never; events?: never; claims?: never })
>()
// All members can be destructured, and `source` narrows them.
logout.onLogout(({ source, jti, claims }) => {
  expectTypeOf(jti).toEqualTypeOf<string | undefined>()
  if (source !== 'application') expectTypeOf(claims).toEqualTypeOf<object>()
})
expectTypeOf(logout.endSession).toEqualTypeOf<(session: SessionToEnd, origin?: LogoutOrigin) => Promise<LogoutEvent>>()
expectTypeOf(logout.endAllSessions).toEqualTypeOf<
  (subject: SubjectToEnd, origin?: LogoutOrigin) => Promise<LogoutEvent>
>()
// endSession accepts a session of the application.
expectTypeOf<SessionClaims>().toExtend<SessionToEnd>()
expectTypeOf<LogoutToken>().toEqualTypeOf<{
  iss: string
  clientId: string
  clientIds: readonly string[]
  aud: string | readonly string[]
  jti: string
  iat: number
  exp?: number
  sub?: string
  sid?: string
  events: Readonly<Record<string, unknown>>
  claims: Readonly<Record<string, unknown>>
}>()
expectTypeOf<LogoutDelivery>().toEqualTypeOf<{
  outcome: 'logged_out' | 'replayed' | 'refused' | 'failed'
  code?: BackchannelLogoutErrorCode
  error?: unknown
  iss?: string
  clientIds?: readonly string[]
  jti?: string
  durationMs: number
}>()
expectTypeOf<SessionClaims>().toEqualTypeOf<{
  iss: string
  sub: string
  sid?: string | null | undefined
  iat: number
  clientId?: string | undefined
}>()
expectTypeOf(logout.watch).toEqualTypeOf<(session: SessionClaims, listener: () => void) => () => void>()
expectTypeOf(logout.onLogout).toEqualTypeOf<(listener: (event: LogoutEvent) => unknown) => () => void>()
expectTypeOf(logout.respond).toEqualTypeOf<(request: LogoutRequest) => Promise<LogoutResponse>>()

// An issuer function may return one issuer, several or none, directly or as a promise.
createBackchannelLogout({ issuers: (iss) => (iss ? issuer : undefined), sessionMaxAge: 1, store })
createBackchannelLogout({ issuers: async () => [issuer], sessionMaxAge: 1, store })

// The session of a session library is accepted as it is.
void logout.isLoggedOut({ iss: '', sub: '', iat: 0 })
void logout.isLoggedOut({ iss: '', sub: '', sid: null, iat: 0, clientId: undefined })

// @ts-expect-error a store must be chosen
createBackchannelLogout({ issuers: [issuer], sessionMaxAge: 1 })
// @ts-expect-error sessionMaxAge must be set
createBackchannelLogout({ issuers: [issuer], store })
// @ts-expect-error the claims of a session are not optional
void logout.isLoggedOut({ iss: '', sub: '' })
// @ts-expect-error 500 is not an allowed status
createBackchannelLogout({ issuers: [issuer], sessionMaxAge: 1, store, unavailableStatus: 500 })
