import type { BackchannelLogout, SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout, type ActiveSessionOptions } from '@bcl/koa'
import { Router } from '@koa/router'
import Koa from 'koa'

declare const logout: BackchannelLogout

interface State {
  session?: { claims: SessionClaims }
}
interface Custom {
  tenant: { logout: BackchannelLogout }
}

// Without type parameters the middleware fits every application.
new Koa().use(backchannelLogout(logout, { path: '/backchannel-logout' }))
new Koa().use(activeSession(logout, { session: (ctx) => ctx.state.session?.claims }))
new Router().all('/backchannel-logout', backchannelLogout(logout))

// The callbacks get the types of the application's state and context.
const app = new Koa<State, Custom>()
app.use(backchannelLogout(logout))
app.use(backchannelLogout<State, Custom>((ctx) => ctx.tenant.logout))
app.use(
  activeSession<State, Custom>((ctx) => ctx.tenant.logout, {
    session: (ctx) => ctx.state.session?.claims,
    onLoggedOut(ctx) {
      ctx.redirect('/login')
    },
    onUnavailable(ctx, error) {
      ctx.body = String(error satisfies unknown)
    },
  }),
)
app.use(activeSession<State>(logout, { session: (ctx) => ctx.state.session?.claims }))

const router = new Router<State, Custom>()
router.all(
  '/backchannel-logout',
  backchannelLogout<State, Custom>((ctx) => ctx.tenant.logout),
)
router.get('/account', activeSession<State, Custom>(logout, { session: (ctx) => ctx.state.session?.claims }))

// @ts-expect-error -- the state has no member `user`
activeSession<State, Custom>(logout, { session: (ctx) => ctx.state.user })
// @ts-expect-error -- the context has no member `logout`
backchannelLogout<State, Custom>((ctx) => ctx.logout)
// @ts-expect-error -- the option session is missing
activeSession(logout, {})
// @ts-expect-error -- the iat of a session must be a number
activeSession(logout, { session: () => ({ iss: 'https://op.example', sub: 'alice', iat: '1' }) })

export const options: ActiveSessionOptions<State, Custom> = { session: async () => null }
