import { once } from 'node:events'
import { isIP } from 'node:net'
import type { ProviderSession, TestProvider } from '@bcl/testing'
import { reasonOf } from '../network/reason-of.js'
import { sendAsWritten } from '../network/send-as-written.js'
import { dashboardPage, signInPage, type Delivery } from '../provider/dashboard.js'
import { describeProvider, serveProvider, type ServeOptions } from '../provider/serve-provider.js'
import type { Output } from '../terminal/output.js'

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
const page = (html: string): Response => new Response(html, { headers: pageHeaders })
const seeOther = (location: string, headers: Record<string, string> = {}): Response =>
  new Response(null, { status: 303, headers: { location, ...headers } })

/** Tells whether a form comes from a page of this provider. */
const isOwnForm = ({ headers, url }: Request): boolean => {
  const site = headers.get('sec-fetch-site')
  return site === null ? [null, new URL(url).origin].includes(headers.get('origin')) : site === 'same-origin'
}

/**
 * Tells whether the `Host` header names this provider: by the host of the issuer, by an IP address, or as localhost. An
 * attacker can point a DNS name at this machine. Without this check, a web page under that name could read the page of
 * the provider.
 */
const isOwnHost = ({ headers, url }: Request): boolean => {
  const host = `http://${headers.get('host')}`
  const name = URL.canParse(host) ? new URL(host).hostname : ''
  return name === 'localhost' || name === new URL(url).hostname || isIP(name.replace(/^\[|\]$/g, '')) > 0
}

/** A session of a user at the provider, with the cookie of the session. */
interface LiveSession extends ProviderSession {
  sid: string
  cookie: string
}

const maxDeliveries = 50

/** Creates the page of `bcl provider`, and keeps its state: the signed-in users and the sent Logout Tokens. */
function createDashboard(url: string) {
  let sessions: LiveSession[] = []
  const deliveries: Delivery[] = []

  async function post(provider: TestProvider, claims: object): Promise<void> {
    const token = await provider.op.logoutToken(claims)
    const body = new URLSearchParams({ logout_token: token })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const signal = AbortSignal.timeout(10_000)
    const answer = await sendAsWritten(url, { method: 'POST', headers, body: String(body), signal }).then(
      async (response) => `${response.status} ${(await response.text()).slice(0, 2000)}`.trim(),
      (error: unknown) => `no answer: ${reasonOf(error)}`,
    )
    deliveries.unshift({ token, answer, date: new Date() })
    deliveries.splice(maxDeliveries)
  }

  /**
   * Ends the sessions for which `isMeant` returns true. Then posts one Logout Token. `names` contains the `sub` and the
   * `sid` of the token.
   */
  async function end(provider: TestProvider, isMeant: (session: LiveSession) => boolean, names: object): Promise<void> {
    const ended = sessions.filter(isMeant)
    sessions = sessions.filter((session) => !ended.includes(session))
    for (const { cookie } of ended)
      await provider.handle(new Request(`${provider.op.issuer}/end_session`, { headers: { cookie } }))
    await post(provider, names)
  }

  function signIn(provider: TestProvider, form: URLSearchParams): Response {
    const session = { sub: form.get('sub') || 'alice', sid: crypto.randomUUID() }
    const cookie = provider.createSession(session)
    sessions.push({ ...session, cookie })
    const back = new URL(form.get('return') ?? '', provider.op.issuer)
    const isOwn = back.origin === new URL(provider.op.issuer).origin
    return seeOther(isOwn ? back.href : '/', { 'set-cookie': `${cookie}; Path=/; HttpOnly; SameSite=Lax` })
  }

  return async (request: Request, provider: TestProvider): Promise<Response | undefined> => {
    const { href, origin, pathname } = new URL(request.url)
    const base = provider.op.issuer.replace(/\/$/, '')
    const path = `${origin}${pathname}`.slice(base.length)
    const cookies = request.headers.get('cookie') ?? ''
    const current = sessions.find(({ cookie }) => cookies.split(/;\s*/).includes(cookie))
    const isPage = path === '' || path === '/'
    if ((isPage || path.startsWith('/bcl/')) && !isOwnHost(request))
      return new Response('This provider does not answer under this host name.', { status: 421 })
    if (request.method === 'GET') {
      if (isPage) return page(dashboardPage({ sessions, deliveries, base, endpoint: url }))
      if (path === '/authorize' && !current) return page(signInPage({ returnTo: href, base }))
      if (path === '/end_session' && current) await end(provider, (one) => one === current, namesOf(current))
      return undefined
    }
    if (request.method !== 'POST' || !path.startsWith('/bcl/')) return undefined
    if (!isOwnForm(request)) return new Response('This form comes from another site.', { status: 403 })
    const form = new URLSearchParams(await request.text())
    const [sub, sid] = [form.get('sub'), form.get('sid')]
    if (path === '/bcl/sign-in') return signIn(provider, form)
    if (path === '/bcl/end-session') await end(provider, (one) => one.sid === sid, { sub: sub ?? undefined, sid })
    if (path === '/bcl/end-user') await end(provider, (one) => one.sub === sub, { sub, sid: undefined })
    return seeOther(`${base}/`)
  }
}

const namesOf = ({ sub, sid }: LiveSession): object => ({ sub, sid })

/** Starts a provider with a page. Runs until the process gets a signal. */
export async function provider(url: string, options: ServeOptions, { out }: Output): Promise<void> {
  const served = await serveProvider({ ...options, intercept: createDashboard(url) })
  out.write(describeProvider(served, url))
  out.write(`Open ${served.provider.op.issuer}/ to see sessions and Logout Tokens. Press Ctrl+C to stop.`)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  await served.close()
}
