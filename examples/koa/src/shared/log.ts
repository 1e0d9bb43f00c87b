import { BackchannelLogoutError, type LogoutDelivery } from '@bcl/core'
import * as openid from 'openid-client'

/** Logs one line for each request to the endpoint. The line names no token and no user, unless an error of your own code does. */
export function logDelivery({ outcome, code, error }: LogoutDelivery): void {
  if (code === undefined) return console.log(`Logout: ${outcome}`)
  const { claim, expected } = error instanceof BackchannelLogoutError ? error : {}
  const details = [code, claim && `claim ${claim}`, expected && `expected ${expected}`].filter(Boolean).join(', ')
  // `failed` means that the token is not the cause. The message and the cause name the part that failed.
  if (outcome === 'failed') logError(`Logout: ${outcome}, ${details}`, error)
  else console.warn(`Logout: ${outcome}, ${details}`)
}

/**
 * Logs only messages. Other fields of an error can contain a token. The message of a JSON parser can also contain a
 * token, so this message is left out.
 */
export const logError = (what: string, error: unknown): void => console.error([what, ...messagesOf(error)].join(': '))

function messagesOf(error: unknown): string[] {
  if (!(error instanceof Error) || error instanceof SyntaxError) return []
  // A failed logout can have the errors of several listeners.
  if (error instanceof AggregateError) {
    const messages = error.errors.map((one) => messagesOf(one).join(': '))
    return [error.message, messages.filter(Boolean).join(', ')].filter(Boolean)
  }
  return [error.message, ...messagesOf(error.cause)]
}

/** Logs why a sign-in failed, with the OAuth `error` code if the provider sent one. */
export async function logSignInError(what: string, error: unknown): Promise<void> {
  const code = await oauthErrorOf(error)
  // Logs the code only if it has characters that RFC 6749 allows, and no space. Anybody can call the callback with any
  // text as the code.
  const isReadable = code !== undefined && /^[!#-[\]-~]{1,100}$/.test(code)
  logError(isReadable ? `${what}: ${code}` : what, error)
}

async function oauthErrorOf(failure: unknown): Promise<string | undefined> {
  if (failure instanceof openid.AuthorizationResponseError || failure instanceof openid.ResponseBodyError) {
    return failure.error
  }
  if (!(failure instanceof openid.WWWAuthenticateChallengeError)) return undefined
  // openid-client does not read the body of an answer with this header, for example the answer to a wrong client
  // secret.
  const body = (await failure.response.json().catch(() => undefined)) as { error?: unknown } | undefined
  return typeof body?.error === 'string' ? body.error : undefined
}
