import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import { errors } from 'oidc-provider'

import { accounts } from './accounts.ts'
import { type LastAction, nameOf } from './last-action.ts'
import { errorPage, loginPage } from './pages.ts'
import type { ExampleProvider } from './provider.ts'
import { sessionsPage } from './sessions-page.ts'

type Env = { Bindings: HttpBindings }

/** The pages around oidc-provider: signing in without a password, and ending sessions. */
export function createApp(
  { provider, clients, sessions, deliveries, events }: ExampleProvider,
  { demoUrl }: { demoUrl?: string | undefined } = {},
): Hono<Env> {
  const app = new Hono<Env>()
  let lastAction: LastAction | undefined
  const handleOidc = provider.callback()

  app.get('/', (c) => c.redirect('/sessions'))
  app.get('/healthz', (c) => c.text('ok'))
  app.get('/sessions', (c) => {
    const shown = { sessions: sessions.list(), deliveries: deliveries.all(), clients, events, lastAction, demoUrl }
    return c.html(sessionsPage(shown))
  })
  app.get('/api/sessions', (c) => c.json(sessions.list()))
  app.get('/api/deliveries', (c) => c.json(deliveries.all()))

  app.post('/sessions/:uid/end', async (c) => {
    const uid = c.req.param('uid')
    const session = sessions.list().find((listed) => listed.uid === uid)
    const made = await sessions.end(uid)
    if (!session || !made) return c.json({ error: 'no such session' }, 404)
    return answer(c, made, { sentence: `One session of ${nameOf(session.sub)} ended`, sent: 'Logout Token' })
  })
  app.post('/users/:sub/end-sessions', async (c) => {
    const sub = c.req.param('sub')
    const made = await sessions.endAll(sub)
    return answer(c, made, { sentence: `All sessions of ${nameOf(sub)} ended`, sent: 'Logout Token' })
  })
  app.post('/users/:sub/account-disabled', async (c) => {
    const sub = c.req.param('sub')
    const sent = await events.accountDisabled(sub)
    const sentence = `The provider reported the account of ${nameOf(sub)} as disabled`
    return answer(c, sent, { sentence, sent: 'security event', without: events.others })
  })
  app.on('GET', ['/.well-known/ssf-configuration/*', '/ssf/jwks'], (c) =>
    events.fetch(new URL(c.req.path, provider.issuer)),
  )

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

  /** Stores the action, so that the page of sessions shows it. Then answers the request. */
  function answer(c: Context<Env>, answers: LastAction['answers'], action: Omit<LastAction, 'answers' | 'left'>) {
    lastAction = { ...action, answers, left: new Set(sessions.list().map(({ uid }) => uid)) }
    const wantsJson = c.req.header('accept')?.includes('application/json')
    return wantsJson ? c.json(answers) : c.redirect('/sessions', 303)
  }

  return app
}
