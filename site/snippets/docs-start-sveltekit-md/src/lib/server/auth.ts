import { env } from '$env/dynamic/private'
import { BackchannelLogoutError, createBackchannelLogout, MemoryStore } from '@bcl/core'
import type { Cookies } from '@sveltejs/kit'
import { sealData, unsealData } from 'iron-session'
import * as openid from 'openid-client'

/** Reads a setting. The application does not start without it: with an empty secret, anybody could make a session. */
function setting(name: string): string {
  const value = env[name]
  if (value) return value
  throw new Error(`${name} is not set: put it into .env.`)
}

const ISSUER = setting('ISSUER')
const CLIENT_ID = setting('CLIENT_ID')
const CLIENT_SECRET = setting('CLIENT_SECRET')
const SESSION_SECRET = setting('SESSION_SECRET')
const BASE_URL = setting('BASE_URL')
const secure = BASE_URL.startsWith('https:')

export const redirectUri = `${BASE_URL}/callback`
export const sessionMaxAge = 8 * 60 * 60 // seconds
export const signInMaxAge = 10 * 60

export const logout = createBackchannelLogout({
  issuers: [{ issuer: ISSUER, clientId: CLIENT_ID }],
  sessionMaxAge,
  store: new MemoryStore(), // forgets at a restart: in production, one that lasts
  onDelivery({ outcome, code, error }) {
    const { claim, expected } = error instanceof BackchannelLogoutError ? error : {}
    console.log('logout:', ...[outcome, code, claim, expected && `expected ${expected}`].filter(Boolean))
  },
})

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

export interface SignIn {
  state: string
  nonce: string
  codeVerifier: string
}

/** Keeps a value in a cookie that only this application can read and make. */
export async function keep(cookies: Cookies, name: string, value: object, maxAge: number): Promise<void> {
  const sealed = await sealData(value, { password: SESSION_SECRET, ttl: maxAge })
  cookies.set(name, sealed, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge })
}

/** What `keep` kept, or nothing. */
export const kept = <T>(cookies: Cookies, name: string, maxAge: number): Promise<Partial<T>> =>
  unsealData(cookies.get(name) ?? '', { password: SESSION_SECRET, ttl: maxAge })
export {}
