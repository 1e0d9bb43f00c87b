import {
  BackchannelLogoutError,
  type BackchannelLogoutErrorCode,
  type LogoutRequest,
  type LogoutResponse,
} from '@bcl/core'
import { answer, asLogoutError, defined, readBody, requestError, runGuarded, withTimeout } from '@bcl/core/kit'
import { faultOf, isFailure } from '../events/failure.js'
import type { ParsedSet } from '../events/verify-set.js'
import type { KnownTransmitter } from '../transmitters/transmitter.js'

/**
 * One record for each push, for logs and metrics. The library puts no token and no subject into the record. But the `cause` of
 * `error` can be an error of one of your functions, with any content.
 */
export interface SecurityEventDelivery {
  /** `replayed` means that all events of the token had already been carried out. */
  outcome: 'handled' | 'replayed' | 'refused' | 'failed'
  /** The reason, if the push was refused or failed. */
  code?: BackchannelLogoutErrorCode
  /** The `BackchannelLogoutError`, if the push was refused or failed. */
  error?: unknown
  /** `iss`, `jti` and `types` are set only if the token was verified. */
  iss?: string
  jti?: string
  /** The types of the token's events. */
  types?: readonly string[]
  /** Milliseconds. */
  durationMs: number
}

/** The verified facts about a token. */
export type Receipt = Pick<SecurityEventDelivery, 'iss' | 'jti' | 'types'>

export interface RespondOptions {
  transmitters: readonly KnownTransmitter[]
  parse(jwt: string): ParsedSet
  /**
   * Verifies a token and carries out its events. Adds the facts to the receipt. Resolves to false if all events had already
   * been carried out.
   */
  receive(set: ParsedSet, receipt: Receipt): Promise<boolean>
  timeout: number
  onDelivery(delivery: SecurityEventDelivery): void
}

const encoder = new TextEncoder()
const digest = async (text: string): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)))

/** Compares two texts in constant time. */
async function isSame(one: string, other: string): Promise<boolean> {
  const [left, right] = [await digest(one), await digest(other)]
  return !left.reduce((difference, byte, index) => difference | (byte ^ right[index]!), 0)
}

/** Makes the function that answers pushes (RFC 8935). It never rejects. */
export const createRespond =
  ({ transmitters, parse, receive, timeout, onDelivery }: RespondOptions) =>
  async (request: LogoutRequest): Promise<LogoutResponse> => {
    const startedAt = performance.now()
    const receipt: Receipt = {}

    const run = async (): Promise<boolean> => {
      const { method, contentType, authorization } = request
      const isAuthorized = async ({ pushAuthorization: value }: KnownTransmitter): Promise<boolean> =>
        value === undefined || (!!authorization && isSame(value, authorization))
      if (method !== 'POST') throw requestError(405, 'method')
      // Reads the body even if the request is refused below, because unread data blocks the connection.
      const reading = readBody(request.body)
      reading?.catch(() => {})
      // Before the token is parsed, the transmitter is not known. So this check accepts the value of any transmitter.
      // A second check follows when `iss` is known.
      if (!(await Promise.all(transmitters.map(isAuthorized))).includes(true)) throw requestError(401, 'authorization')
      if (!/^\s*application\/secevent\+jwt\s*(;|$)/i.test(contentType!)) throw requestError(400, 'media type')
      const jwt = await reading?.catch((error: unknown) => {
        throw error instanceof BackchannelLogoutError ? error : requestError(400, 'body', error)
      })
      // If a body parser has made an object, `parse` refuses it.
      const set = parse(jwt as string)
      if (!(await isAuthorized(set.transmitter))) throw requestError(401, 'authorization')
      return receive(set, receipt)
    }

    let error: (BackchannelLogoutError & { status?: number }) | undefined
    let response = answer(202, '')
    let outcome: SecurityEventDelivery['outcome']
    try {
      outcome = (await withTimeout(timeout, run)) ? 'handled' : 'replayed'
    } catch (reason) {
      error = asLogoutError('the push', reason)
      const { status = 400 } = error
      const isOutage = isFailure(error)
      outcome = isOutage ? 'failed' : 'refused'
      const hasFault = !isOutage && (status === 400 || status === 401)
      response = answer(isOutage ? 503 : status, hasFault ? JSON.stringify(faultOf(error)) : '')
      if (status === 401) response.headers['www-authenticate'] = 'Bearer'
    }
    const durationMs = performance.now() - startedAt
    const delivery = defined({ outcome, code: error?.code, error, ...receipt, durationMs })
    runGuarded(() => onDelivery(delivery as SecurityEventDelivery))
    return response
  }
