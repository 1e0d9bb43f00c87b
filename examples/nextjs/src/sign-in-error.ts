import { AuthError } from 'next-auth'

import { logError } from './shared/log.ts'

/** Logs why a sign-in failed, with the OAuth `error` code if the provider sent one. For the `logger` of Auth.js. */
export async function logSignInError(error: Error): Promise<void> {
  // Auth.js wraps all errors of the callback.
  if (!(error instanceof AuthError)) return logError('Sign-in not started', error)
  // Has no code. See `logRefusal`.
  if (error.type === 'OAuthCallbackError') return
  const { err } = (error.cause ?? {}) as { err?: Error }
  logError(describe(await oauthErrorOf(error)), err ?? error)
}

/** Auth.js loses the code of an answer to the callback in the error. It has it here, right before. */
export function logRefusal(message: string, metadata: unknown): void {
  if (message !== 'OAuthCallbackError') return
  const { error } = (metadata ?? {}) as { error?: unknown }
  logError(describe(error), new Error('the provider sent an error'))
}

function describe(code: unknown): string {
  // A browser can bring any code along. These are the characters of RFC 6749, without the space.
  const isReadable = typeof code === 'string' && /^[!#-[\]-~]{1,100}$/.test(code)
  return isReadable ? `Sign-in refused: ${code}` : 'Sign-in refused'
}

/** Auth.js copies the answer of the token endpoint into the cause. It leaves the body of a 401 unread. */
async function oauthErrorOf({ cause }: AuthError): Promise<unknown> {
  const { error, err } = (cause ?? {}) as { error?: unknown; err?: Error & { response?: unknown } }
  if (typeof error === 'string' || !(err?.response instanceof Response)) return error
  const body = (await err.response.json().catch(() => undefined)) as { error?: unknown } | undefined
  return body?.error
}
