import { type NextRequest, NextResponse } from 'next/server'

import { application } from './application.ts'
import { SESSION_COOKIE, SIGN_IN_FAILED } from './auth.ts'
import { activeSession } from './session.ts'
import { logError } from './shared/log.ts'

/**
 * The paths without a check. A user must be able to sign in and out while the store is down, and `/events` itself reports the
 * logout.
 */
const UNCHECKED = new Set(['/login', '/logout', '/events', SIGN_IN_FAILED])

/**
 * Checks the session before every page. The check is not in a callback of Auth.js, because Auth.js would delete the cookie during
 * an outage of the store. This function answers 503 and keeps the cookie.
 */
export async function proxy(request: NextRequest): Promise<Response> {
  const { pathname } = request.nextUrl
  if (!(await isFromOwnPages(request))) return new Response('Forms from other sites are refused.', { status: 403 })
  if (UNCHECKED.has(pathname) || isSignIn(pathname)) return showPage(request)
  try {
    if (await activeSession(request.headers)) return showPage(request)
  } catch (error) {
    logError('Session not checked', error)
    return new Response('Sessions cannot be checked at the moment.', {
      status: 503,
      headers: { 'cache-control': 'no-store', 'retry-after': '5' },
    })
  }
  return withoutSession(request)
}

// The provider's POST has no cookie and no Origin. The signature of the token is the authentication.
export const config = { matcher: ['/((?!backchannel-logout$|healthz$|_next/).*)'] }

const isSignIn = (pathname: string): boolean => pathname.startsWith('/api/auth/') && pathname !== '/api/auth/session'

/**
 * Browsers send `Origin` or `Sec-Fetch-Site` with every POST. A request with neither header did not come from a browser,
 * so it cannot be a cross-site request.
 */
async function isFromOwnPages({ method, headers }: NextRequest): Promise<boolean> {
  if (method === 'GET' || method === 'HEAD') return true
  const { config } = await application()
  const origin = headers.get('origin')
  const site = headers.get('sec-fetch-site')
  if (origin !== null && origin !== config.baseUrl) return false
  return site === null || site === 'same-origin' || site === 'none'
}

/** Only scripts and styles with this nonce run. Next.js reads the nonce from the policy, and the layout reads it from `x-nonce`. */
function showPage({ headers }: NextRequest): NextResponse {
  const nonce = crypto.randomUUID()
  // In development, React rebuilds the stack traces of the server with `eval`.
  const evaluation = process.env.NODE_ENV === 'development' ? " 'unsafe-eval'" : ''
  const policy = `default-src 'none'; base-uri 'none'; connect-src 'self'; img-src data:; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}' 'strict-dynamic'${evaluation}`
  headers.set('x-nonce', nonce)
  headers.set('content-security-policy', policy)
  return NextResponse.next({ request: { headers }, headers: { 'content-security-policy': policy } })
}

/**
 * Removes the session cookie from the answer. Also removes the cookie from the request, because Auth.js would still
 * accept the cookie.
 */
function withoutSession(request: NextRequest): Response {
  const names = request.cookies.getAll().flatMap(({ name }) => (name.startsWith(SESSION_COOKIE) ? [name] : []))
  for (const name of names) request.cookies.delete(name)
  const response = showPage(request)
  for (const name of names) response.cookies.delete(name)
  return response
}
