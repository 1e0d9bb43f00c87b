import {
  createBackchannelLogout,
  discoverKeys,
  MemoryStore,
  sessionClaims,
  verifyLogoutToken,
  type BackchannelLogout,
  type BackchannelLogoutErrorCode,
  type LogoutEvent,
  type LogoutStore,
  type SessionClaims,
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
expectTypeOf<BackchannelLogoutErrorCode>().toExtend<`ERR_LOGOUT_${string}`>()

// A function of the issuer may answer at once or later, with one, several or none.
createBackchannelLogout({ issuers: (iss) => (iss ? issuer : undefined), sessionMaxAge: 1, store })
createBackchannelLogout({ issuers: async () => [issuer], sessionMaxAge: 1, store })

// What a session library keeps is taken as it is.
void logout.isLoggedOut({ iss: '', sub: '', iat: 0 })
void logout.isLoggedOut({ iss: '', sub: '', sid: null, iat: 0, clientId: undefined })

// @ts-expect-error a store must be chosen
createBackchannelLogout({ issuers: [issuer], sessionMaxAge: 1 })
// @ts-expect-error and so must the age
createBackchannelLogout({ issuers: [issuer], store })
// @ts-expect-error the claims of a session are not optional
void logout.isLoggedOut({ iss: '', sub: '' })
// @ts-expect-error no such status
createBackchannelLogout({ issuers: [issuer], sessionMaxAge: 1, store, unavailableStatus: 500 })
