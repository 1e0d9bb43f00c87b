import { Auth0Client } from '@auth0/nextjs-auth0/server'
import type { SessionData } from '@auth0/nextjs-auth0/types'
import { SessionStore } from '../session-store.ts'

const { PORT = '', ISSUER = 'https://localhost', CLIENT_ID = '', CLIENT_SECRET = '', SESSION_SECRET = '' } = process.env

// The proxy and the pages are separate bundles in one process.
const shared = globalThis as { sessions?: SessionStore<SessionData> }
const sessions = (shared.sessions ??= new SessionStore())

export const auth0 = new Auth0Client({
  domain: new URL(ISSUER).host,
  // Without this option, nextjs-auth0 does not accept localhost. The provider still uses https.
  allowInsecureRequests: true,
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  appBaseUrl: `http://127.0.0.1:${PORT}`,
  secret: SESSION_SECRET,
  sessionStore: {
    get: async (id) => (await sessions.get(id)) ?? null,
    set: (id, session) => sessions.set(id, session),
    delete: (id) => sessions.delete(id),
    deleteByLogoutToken: (claims) => sessions.deleteByLogoutToken(claims),
  },
})
