// An application with auth0-hono and a session store in memory, which back-channel logout needs.
import { auth, requiresAuth } from '@auth0/auth0-hono'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { SessionStore } from '../session-store.ts'

const { PORT = '', ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', SESSION_SECRET = '' } = process.env

const app = new Hono()
app.use(
  auth({
    domain: new URL(ISSUER).hostname,
    baseURL: `http://127.0.0.1:${PORT}`,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    authRequired: false,
    session: { secret: SESSION_SECRET, store: new SessionStore() },
  }),
)
app.get('/me', requiresAuth('error'), (c) => c.text('signed in'))
app.get('/', (c) => c.text('ok'))
serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' })
