import { signedIn } from '../../lib/auth'

export async function GET() {
  const claims = await signedIn()
  return claims ? Response.json(claims) : new Response('You are not signed in. /login signs you in.', { status: 401 })
}
export {}
