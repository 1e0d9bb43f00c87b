import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { errors } from 'oidc-provider'

import { accounts } from './accounts.ts'
import type { Delivery } from './deliveries.ts'
import { errorPage, loginPage, sessionsPage } from './pages.ts'
import type { ExampleProvider } from './provider.ts'

type Env = { Bindings: HttpBindings }

/** The pages around oidc-provider: signing in without a password, and ending sessions. */
export function createApp({ provider, clients, sessions, deliveries }: ExampleProvider): Hono<Env> {
  const app = new Hono<Env>()
  const handleOidc = provider.callback()

  app.get('/', (c) => c.redirect('/sessions'))
  app.get('/healthz', (c) => c.text('ok'))
  app.get('/sessions', (c) => c.html(sessionsPage(sessions.list(), deliveries.all(), clients)))
  app.get('/api/sessions', (c) => c.json(sessions.list()))
  app.get('/api/deliveries', (c) => c.json(deliveries.all()))

  app.post('/sessions/:uid/end', async (c) => {
    const made = await sessions.end(c.req.param('uid'))
    return made ? answer(c, made) : c.json({ error: 'no such session' }, 404)
  })
  app.post('/users/:sub/end-sessions', async (c) => answer(c, await sessions.endAll(c.req.param('sub'))))

  app.get('/interaction/:uid', async (c) => {
    const { incoming, outgoing } = c.env
    const { uid, prompt, params } = await provider.interactionDetails(incoming, outgoing)
    if (prompt.name === 'consent') return finish(c, { consent: {} })
    const hint = String(params['login_hint'])
    if (accounts.has(hint)) return finish(c, { login: { accountId: hint } })
    return c.html(loginPage(uid, String(params['client_id'])))
  })
  app.post('/interaction/:uid', async (c) => {
    const { account } = await c.req.parseBody()
    if (typeof account !== 'string' || !accounts.has(account)) {
      return c.html(errorPage('invalid_request', 'There is no such account.'), 400)
    }
    return finish(c, { login: { accountId: account } })
  })

  app.all('*', async (c) => {
    await handleOidc(c.env.incoming, c.env.outgoing)
    return RESPONSE_ALREADY_SENT
  })

  app.onError((error, c) => {
    if (error instanceof errors.OIDCProviderError && error.expose) {
      return c.html(errorPage(error.error, error.error_description), 400)
    }
    console.error(error)
    return c.html(errorPage('server_error', undefined), 500)
  })

  async function finish(c: Context<Env>, result: Parameters<typeof provider.interactionResult>[2]) {
    const returnTo = await provider.interactionResult(c.env.incoming, c.env.outgoing, result)
    return c.redirect(returnTo, 303)
  }

  return app
}

function answer(c: Context<Env>, made: Delivery[]) {
  return c.req.header('accept')?.includes('application/json') ? c.json(made) : c.redirect('/sessions', 303)
}
