import { activeSession, backchannelLogout } from '@bcl/hono'
import type { MountAdapter } from '@bcl/testing'
import { Hono, type MiddlewareHandler } from 'hono'
import { csrf } from 'hono/csrf'

/** An application with the adapter, after the given middleware. */
export function application(before: readonly MiddlewareHandler[], ...[logout, sessionOf]: Parameters<MountAdapter>) {
  const app = new Hono()
  app.onError((error, c) => ('getResponse' in error ? error.getResponse() : c.body(null, 500)))
  for (const middleware of before) app.use(middleware)
  app.all('/backchannel-logout', backchannelLogout(logout))
  app.use(csrf())
  app.use('/me', activeSession(logout, { session: (c) => sessionOf(c.req.header('x-test-session')) }))
  app.get('/me', (c) => c.text('active'))
  return app
}
