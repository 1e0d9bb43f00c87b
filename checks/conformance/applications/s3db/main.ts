// An application with the Back-Channel Logout receiver of s3db.js. The sign-in, the session store and the key are ours.
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { importJWK, type JSONWebKeySet } from 'jose'
import * as oidc from 'openid-client'
// @ts-expect-error -- the package does not export this file, and has its types elsewhere
import { registerBackchannelLogoutRoute } from '../../node_modules/s3db.js/dist/plugins/api/concerns/oidc-backchannel-logout.js'

const { PORT = '', ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '' } = process.env
const redirectUri = `http://127.0.0.1:${PORT}/callback`

interface Session {
  sub: string
  sid: unknown
}

const sessions = new Map<string, Session>()
const idsWhere = async (isMeant: (session: Session) => boolean): Promise<string[]> =>
  [...sessions].filter(([, session]) => isMeant(session)).map(([id]) => id)

const sessionStore = {
  destroy: async (id: string) => void sessions.delete(id),
  findBySub: (sub: string) => idsWhere((session) => session.sub === sub),
  findBySid: (sid: string) => idsWhere((session) => session.sid === sid),
}

let configuration: Promise<oidc.Configuration> | undefined
const discover = (): Promise<oidc.Configuration> =>
  (configuration ??= oidc.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
    execute: [oidc.allowInsecureRequests],
  }))

/** Fetches the first key of the provider. */
async function fetchKey() {
  const { jwks_uri: address = '' } = (await discover()).serverMetadata()
  const { keys } = (await (await fetch(address)).json()) as JSONWebKeySet
  return importJWK(keys[0]!)
}

// The first request creates the receiver, because the receiver needs the key of the provider when it is created.
let receiver: Promise<Hono> | undefined
async function createReceiver(): Promise<Hono> {
  const app = new Hono()
  registerBackchannelLogoutRoute(
    app,
    '/backchannel-logout',
    { issuer: ISSUER, clientId: CLIENT_ID },
    await fetchKey(),
    sessionStore,
  )
  return app
}

const app = new Hono()
app.post('/backchannel-logout', async (c) => (await (receiver ??= createReceiver())).fetch(c.req.raw))
app.get('/login', async (c) => {
  const state = oidc.randomState()
  setCookie(c, 'state', state, { httpOnly: true })
  const url = oidc.buildAuthorizationUrl(await discover(), { redirect_uri: redirectUri, scope: 'openid', state })
  return c.redirect(url.href)
})
app.get('/callback', async (c) => {
  const expectedState = getCookie(c, 'state') ?? ''
  const tokens = await oidc.authorizationCodeGrant(await discover(), new URL(c.req.url), { expectedState })
  const { sub, sid } = tokens.claims()!
  const id = crypto.randomUUID()
  sessions.set(id, { sub, sid })
  setCookie(c, 'session', id, { httpOnly: true })
  return c.redirect('/me')
})
app.get('/me', (c) => c.body(null, sessions.has(getCookie(c, 'session') ?? '') ? 200 : 401))
serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' })
