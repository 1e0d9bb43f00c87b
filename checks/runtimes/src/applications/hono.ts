import { createBackchannelLogout, type SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/hono'
import { Hono, type Context } from 'hono'
import { optionsFor } from './options.ts'
import { createSignIn, type Step } from './sign-in.ts'

function goOn(c: Context, { location, cookie }: Step): Response {
  c.header('set-cookie', cookie)
  return c.redirect(location)
}

export function honoApplication(issuer: string): (request: Request) => Response | Promise<Response> {
  const logout = createBackchannelLogout(optionsFor(issuer))
  const signIn = createSignIn(issuer)
  const app = new Hono<{ Variables: { session: SessionClaims | undefined } }>()
  app.all('/backchannel-logout', backchannelLogout(logout))
  app.get('/login', async (c) => goOn(c, await signIn.start(new URL(c.req.url))))
  app.get('/callback', async (c) => goOn(c, await signIn.finish(new URL(c.req.url), c.req.header('cookie'))))
  app.use(async (c, next) => {
    c.set('session', await signIn.session(c.req.header('cookie')))
    await next()
  })
  app.use('/me', activeSession(logout, { session: (c) => c.get('session') }))
  app.get('/me', (c) => {
    const session = c.get('session')
    return session ? c.json(session) : c.body(null, 401)
  })
  return app.fetch
}
