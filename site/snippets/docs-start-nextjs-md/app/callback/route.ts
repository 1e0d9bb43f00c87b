import { sessionClaims } from '@bcl/core'
import { redirect } from 'next/navigation'
import * as openid from 'openid-client'
import { getSession, provider, redirectUri } from '../../lib/auth'

export async function GET(request: Request) {
  const session = await getSession()
  const { signIn } = session
  if (!signIn) return new Response('This sign-in was not started here.', { status: 400 })
  const here = new URL(redirectUri + new URL(request.url).search)
  const tokens = await openid.authorizationCodeGrant(await provider(), here, {
    expectedState: signIn.state,
    expectedNonce: signIn.nonce,
    pkceCodeVerifier: signIn.codeVerifier,
    idTokenExpected: true,
  })
  delete session.signIn
  session.claims = sessionClaims(tokens.claims()!)
  await session.save()
  redirect('/me')
}
export {}
