// An application with express-openid-connect, and with back-channel logout switched on as its documentation says.
import express from 'express'
import { auth } from 'express-openid-connect'

const { PORT = '', ISSUER = '', CLIENT_ID = '', CLIENT_SECRET = '', SESSION_SECRET = '' } = process.env

/** A store in memory with the interface of express-session. */
function createStore<T>() {
  const entries = new Map<string, T>()
  return {
    get: (id: string, callback: (error: unknown, value?: T | null) => void) => callback(null, entries.get(id) ?? null),
    set: (id: string, value: T, callback: (error?: unknown) => void = () => {}) => {
      entries.set(id, value)
      callback()
    },
    destroy: (id: string, callback: (error?: unknown) => void = () => {}) => {
      entries.delete(id)
      callback()
    },
  }
}

const app = express()
app.use(
  auth({
    baseURL: `http://127.0.0.1:${PORT}`,
    issuerBaseURL: ISSUER,
    clientID: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    secret: SESSION_SECRET,
    authRequired: false,
    authorizationParams: { response_type: 'code', scope: 'openid' },
    backchannelLogout: { store: createStore() },
  }),
)
app.get('/me', (req, res) => {
  if (!req.oidc.isAuthenticated()) return void res.status(401).json({ error: 'not signed in' })
  const { iss, sub, sid, iat } = req.oidc.idTokenClaims!
  res.json({ iss, sub, sid, iat })
})
app.get('/', (_, res) => void res.send('ok'))
app.get('/healthz', (_, res) => void res.send('ok'))
app.listen(Number(PORT), '127.0.0.1')
