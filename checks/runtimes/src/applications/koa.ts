import { createBackchannelLogout, type SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/koa'
import Koa, { type Context } from 'koa'
import { optionsFor } from './options.ts'
import { createSignIn, type Step } from './sign-in.ts'

interface State {
  session: SessionClaims | undefined
}

function goOn(ctx: Context, { location, cookie }: Step): void {
  ctx.set('set-cookie', cookie)
  ctx.redirect(location)
}

export function koaApplication(issuer: string): Koa {
  const logout = createBackchannelLogout(optionsFor(issuer))
  const signIn = createSignIn(issuer)
  const app = new Koa<State>()
  app.use(backchannelLogout(logout, { path: '/backchannel-logout' }))
  app.use(async (ctx, next) => {
    if (ctx.path === '/login') return goOn(ctx, await signIn.start(ctx.URL))
    if (ctx.path === '/callback') return goOn(ctx, await signIn.finish(ctx.URL, ctx.get('cookie')))
    ctx.state.session = await signIn.session(ctx.get('cookie'))
    return next()
  })
  app.use(activeSession<State>(logout, { session: (ctx) => ctx.state.session }))
  app.use((ctx) => {
    ctx.status = ctx.state.session ? 200 : 401
    ctx.body = ctx.state.session ?? ''
  })
  return app
}
