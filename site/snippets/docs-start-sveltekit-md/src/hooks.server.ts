import { kept, logout, sessionMaxAge } from '$lib/server/auth'
import type { SessionClaims } from '@bcl/core'
import { text, type Handle } from '@sveltejs/kit'

/** A form, or what a page can send as one, that comes from no page of ours. */
function isForeignForm({ method, headers }: Request, origin: string): boolean {
  const type = headers.get('content-type') ?? 'text/plain'
  const isForm = /^(?:application\/x-www-form-urlencoded|multipart\/form-data|text\/plain)\b/i.test(type)
  return method !== 'GET' && method !== 'HEAD' && isForm && headers.get('origin') !== origin
}

export const handle: Handle = async ({ event, resolve }) => {
  const { request, url, cookies, locals } = event
  // First of all: no login and no CSRF check may stand in front of it.
  if (url.pathname === '/backchannel-logout') return logout.handle(request)
  if (isForeignForm(request, url.origin)) return text('Forms of other sites are not taken.', { status: 403 })

  // Never behind the check: who cannot be checked must be able to sign in anew.
  if (url.pathname === '/login' || url.pathname === '/callback') return resolve(event)

  const { claims } = await kept<{ claims: SessionClaims }>(cookies, 'session', sessionMaxAge)
  // Whoever was logged out is not signed in any more. With the store down it rejects, and nothing passes.
  if (claims && (await logout.isLoggedOut(claims))) cookies.delete('session', { path: '/' })
  else if (claims) locals.claims = claims
  return resolve(event)
}
export {}
