import { keep, provider, redirectUri, signInMaxAge, type SignIn } from '$lib/server/auth'
import { redirect, type RequestHandler } from '@sveltejs/kit'
import * as openid from 'openid-client'

export const GET: RequestHandler = async ({ cookies }) => {
  const signIn: SignIn = {
    state: openid.randomState(),
    nonce: openid.randomNonce(),
    codeVerifier: openid.randomPKCECodeVerifier(),
  }
  await keep(cookies, 'sign-in', signIn, signInMaxAge)
  const url = openid.buildAuthorizationUrl(await provider(), {
    redirect_uri: redirectUri,
    scope: 'openid',
    state: signIn.state,
    nonce: signIn.nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(signIn.codeVerifier),
    code_challenge_method: 'S256',
  })
  redirect(302, url.href)
}
export {}
