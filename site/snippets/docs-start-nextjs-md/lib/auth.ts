import {
  BackchannelLogoutError,
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type SessionClaims,
} from '@bcl/core'
import { getIronSession } from 'iron-session'
import { cookies } from 'next/headers'
import * as openid from 'openid-client'

/** Reads a setting. The application does not start without it: with an empty secret, anybody could make a session. */
function setting(name: string): string {
  const value = process.env[name]
  if (value) return value
  throw new Error(`${name} is not set: put it into .env.local.`)
}

const ISSUER = setting('ISSUER')
const CLIENT_ID = setting('CLIENT_ID')
const CLIENT_SECRET = setting('CLIENT_SECRET')
const SESSION_SECRET = setting('SESSION_SECRET')
const BASE_URL = setting('BASE_URL')
const sessionMaxAge = 8 * 60 * 60 // seconds

export const redirectUri = `${BASE_URL}/callback`

/** Next.js loads this file once for routes and once for pages: they share what is global. */
const shared = globalThis as { logout?: BackchannelLogout }

export const logout = (shared.logout ??= createBackchannelLogout({
  issuers: [{ issuer: ISSUER, clientId: CLIENT_ID }],
  sessionMaxAge,
  store: new MemoryStore(), // forgets at a restart: in production, one that lasts
  onDelivery({ outcome, code, error }) {
    const { claim, expected } = error instanceof BackchannelLogoutError ? error : {}
    console.log('logout:', ...[outcome, code, claim, expected && `expected ${expected}`].filter(Boolean))
  },
}))

let discovered: Promise<openid.Configuration> | undefined

/** At the first need, because a build has no provider; a failure is forgotten. */
export function provider(): Promise<openid.Configuration> {
  discovered ??= openid
    .discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, {
      // Plain http is for a provider on this machine, as `bcl` is one.
      execute: ISSUER.startsWith('http://127.0.0.1:') ? [openid.allowInsecureRequests] : [],
    })
    .catch((error: unknown) => {
      discovered = undefined
      throw error
    })
  return discovered
}

interface Session {
  claims?: SessionClaims
  signIn?: { state: string; nonce: string; codeVerifier: string }
}

/** The session is the cookie, encrypted. */
export const getSession = async () =>
  getIronSession<Session>(await cookies(), {
    cookieName: 'session',
    password: SESSION_SECRET,
    ttl: sessionMaxAge,
    cookieOptions: { secure: BASE_URL.startsWith('https:') },
  })

/** Who is signed in, and was not logged out. With the store down it rejects, and nothing passes. */
export async function signedIn(): Promise<SessionClaims | undefined> {
  const { claims } = await getSession()
  return claims && !(await logout.isLoggedOut(claims)) ? claims : undefined
}
export {}
