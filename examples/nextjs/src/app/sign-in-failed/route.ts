import { signInFailed } from '../../answers.ts'

/** Auth.js redirects the browser to this route. The query contains the type of the error. */
export function GET(request: Request): Response {
  const isEnded = new URL(request.url).searchParams.get('error') === 'SessionEnded'
  const reason = isEnded ? 'the provider has ended the session already.' : 'the answer of the provider was refused.'
  return signInFailed(reason, 400)
}
