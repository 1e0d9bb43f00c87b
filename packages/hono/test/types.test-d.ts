import type { BackchannelLogout, SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/hono'
import { Hono } from 'hono'
import { expectTypeOf } from 'vitest'

declare const logout: BackchannelLogout

interface Env {
  Bindings: { logout: BackchannelLogout }
  Variables: { session?: { claims: SessionClaims } }
}

const app = new Hono<Env>()
app.all('/backchannel-logout', backchannelLogout(logout))
app.all(
  '/per-request',
  backchannelLogout((c) => c.env.logout),
)
app.use(
  activeSession<Env>((c) => c.env.logout, {
    session: (c) => {
      expectTypeOf(c.get('session')).toEqualTypeOf<{ claims: SessionClaims } | undefined>()
      return c.get('session')?.claims
    },
    onLoggedOut: (c) => c.redirect('/login'),
    onUnavailable: (c, error) => c.json({ error: String(error) }, 503),
  }),
)
app.use('/account/*', activeSession(logout, { session: (c) => c.get('session')?.claims }))
// @ts-expect-error -- the session has no iat
app.use(activeSession(logout, { session: () => ({ iss: '', sub: '' }) }))
// @ts-expect-error -- the option session is missing
app.use(activeSession(logout, {}))
