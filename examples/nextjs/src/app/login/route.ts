import { redirect } from 'next/navigation'

import { signInFailed } from '../../answers.ts'
import { SIGN_IN_FAILED, signIn } from '../../auth.ts'

export async function GET(request: Request): Promise<Response> {
  const loginHint = new URL(request.url).searchParams.get('login_hint')
  const hint = loginHint === null ? {} : { login_hint: loginHint }
  const url: string = await signIn('oidc', { redirect: false, redirectTo: '/' }, hint)
  if (new URL(url).pathname === SIGN_IN_FAILED) return signInFailed('the provider cannot be reached.', 503)
  redirect(url)
}
