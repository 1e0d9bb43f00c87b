import { keep, kept, provider, redirectUri, sessionMaxAge, signInMaxAge, type SignIn } from '$lib/server/auth'
import { sessionClaims } from '@bcl/core'
import { error, redirect, type RequestHandler } from '@sveltejs/kit'
import * as openid from 'openid-client'

export const GET: RequestHandler = async ({ cookies, url }) => {
  const { state, nonce, codeVerifier } = await kept<SignIn>(cookies, 'sign-in', signInMaxAge)
  cookies.delete('sign-in', { path: '/' })
  if (!state || !nonce || !codeVerifier) error(400, 'This sign-in was not started here.')
  const tokens = await openid.authorizationCodeGrant(await provider(), new URL(redirectUri + url.search), {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: codeVerifier,
    idTokenExpected: true,
  })
  await keep(cookies, 'session', { claims: sessionClaims(tokens.claims()!) }, sessionMaxAge)
  redirect(302, '/me')
}
export {}
