import { BackchannelLogoutError, type LogoutDelivery } from '@bcl/core'
import * as openid from 'openid-client'

/** Logs one line for each request to the endpoint. The line holds no token and no user. */
export function logDelivery({ outcome, code, error }: LogoutDelivery): void {
  if (code === undefined) return console.log(`Logout: ${outcome}`)
  const { claim, expected } = error instanceof BackchannelLogoutError ? error : {}
  const details = [code, claim && `claim ${claim}`, expected && `expected ${expected}`].filter(Boolean).join(', ')
  // An outage of ours: the message and the cause name the part that failed.
  if (outcome === 'failed') logError(`Logout: ${outcome}, ${details}`, error)
  else console.warn(`Logout: ${outcome}, ${details}`)
}

/** Logs messages only. Other fields of an error can contain a token, and so can the message of a JSON parser. */
export function logError(what: string, error: unknown): void {
  const messages = [what]
  for (let part = error; part instanceof Error && !(part instanceof SyntaxError); part = part.cause) {
    messages.push(part.message)
  }
  console.error(messages.join(': '))
}

/** Logs why a sign-in failed, with the OAuth `error` code if the provider sent one. */
export async function logSignInError(what: string, error: unknown): Promise<void> {
  const code = await oauthErrorOf(error)
  // A browser can bring any code along. These are the characters of RFC 6749, without the space.
  const isReadable = code !== undefined && /^[!#-[\]-~]{1,100}$/.test(code)
  logError(isReadable ? `${what}: ${code}` : what, error)
}

async function oauthErrorOf(failure: unknown): Promise<string | undefined> {
  if (failure instanceof openid.AuthorizationResponseError || failure instanceof openid.ResponseBodyError) {
    return failure.error
  }
  if (!(failure instanceof openid.WWWAuthenticateChallengeError)) return undefined
  // Answers to a wrong client secret carry this header, and openid-client then leaves the body unread.
  const body = (await failure.response.json().catch(() => undefined)) as { error?: unknown } | undefined
  return typeof body?.error === 'string' ? body.error : undefined
}
