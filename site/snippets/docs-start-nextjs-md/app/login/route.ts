import { redirect } from 'next/navigation'
import * as openid from 'openid-client'
import { getSession, provider, redirectUri } from '../../lib/auth'

export async function GET() {
  const signIn = {
    state: openid.randomState(),
    nonce: openid.randomNonce(),
    codeVerifier: openid.randomPKCECodeVerifier(),
  }
  const session = await getSession()
  session.signIn = signIn
  await session.save()
  const url = openid.buildAuthorizationUrl(await provider(), {
    redirect_uri: redirectUri,
    scope: 'openid',
    state: signIn.state,
    nonce: signIn.nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(signIn.codeVerifier),
    code_challenge_method: 'S256',
  })
  redirect(url.href)
}
export {}
