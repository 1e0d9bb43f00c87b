import { signInFailed } from '../../answers.ts'

/** Auth.js sends the browser here, with the kind of the error. */
export function GET(request: Request): Response {
  const isEnded = new URL(request.url).searchParams.get('error') === 'SessionEnded'
  const reason = isEnded ? 'the provider has ended the session already.' : 'the answer of the provider was refused.'
  return signInFailed(reason, 400)
}
