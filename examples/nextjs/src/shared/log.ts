import { BackchannelLogoutError, type LogoutDelivery } from '@bcl/core'

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
