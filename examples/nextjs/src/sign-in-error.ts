import { AuthError } from 'next-auth'

import { logError } from './shared/log.ts'

/** Logs why a sign-in failed, with the OAuth `error` code if the provider sent one. For the `logger` of Auth.js. */
export async function logSignInError(error: Error): Promise<void> {
  // Auth.js wraps all errors of the callback in an `AuthError`. Any other error happened at the start of a sign-in.
  if (!(error instanceof AuthError)) return logError('Sign-in not started', error)
  // An `OAuthCallbackError` has no code. `logRefusal` logs the code.
  if (error.type === 'OAuthCallbackError') return
  const { err } = (error.cause ?? {}) as { err?: Error }
  logError(describe(await oauthErrorOf(error)), err ?? error)
}

/** Logs the OAuth error code of a callback. The error that Auth.js throws later does not have this code. */
export function logRefusal(message: string, metadata: unknown): void {
  if (message !== 'OAuthCallbackError') return
  const { error } = (metadata ?? {}) as { error?: unknown }
  logError(describe(error), new Error('the provider sent an error'))
}

function describe(code: unknown): string {
  // Logs the code only if it has characters that RFC 6749 allows, and no space. Anybody can call the callback with any
  // text as the code.
  const isReadable = typeof code === 'string' && /^[!#-[\]-~]{1,100}$/.test(code)
  return isReadable ? `Sign-in refused: ${code}` : 'Sign-in refused'
}

/**
 * Returns the error code of the token endpoint. Auth.js copies the answer into the cause, but does not read the body of a 401.
 */
async function oauthErrorOf({ cause }: AuthError): Promise<unknown> {
  const { error, err } = (cause ?? {}) as { error?: unknown; err?: Error & { response?: unknown } }
  if (typeof error === 'string' || !(err?.response instanceof Response)) return error
  const body = (await err.response.json().catch(() => undefined)) as { error?: unknown } | undefined
  return body?.error
}
