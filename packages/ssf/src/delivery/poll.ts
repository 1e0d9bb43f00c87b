import type { BackchannelLogoutError } from '@bcl/core'
import { asLogoutError, isObject, period, withTimeout, type JSONObject, type Rule } from '@bcl/core/kit'
import { createAudience, isAudience } from '../transmitters/audience.js'
import { faultOf, isFailure, type SetFault } from '../events/failure.js'
import { send, type AccessToken, type RequestOptions } from '../streams/request.js'
import type { StreamConfiguration } from '../streams/stream-client.js'
import type { KnownTransmitter } from '../transmitters/transmitter.js'

/** Options of `pollOnce`. */
export interface PollOnceOptions {
  /** The issuer of a configured transmitter. */
  transmitter: string
  /** The stream, from `getStream` or `createStream`. Its `aud` is the audience of the tokens. */
  stream: Pick<StreamConfiguration, 'delivery'> & Partial<StreamConfiguration>
  /** The access token, or a function that gets it, such as `accessToken` of a stream client. */
  accessToken: AccessToken
  /**
   * Aborts the request, or ends the round after the token in progress. Then `pollOnce` rejects, and `poll` resolves. The
   * transmitter sends the tokens of the round again.
   */
  signal?: AbortSignal | undefined
  /** The largest number of tokens in one round, at most 1,000. @default 25 */
  maxEvents?: number | undefined
}

/** Options of `poll`. */
export interface PollOptions extends PollOnceOptions {
  /** Seconds between two rounds. @default 1 */
  interval?: number | undefined
}

/** A rule that accepts any value. Names without a rule are refused. */
const any: Rule = [() => true, '', undefined]
/** The rules and defaults for both functions. So an application can pass the same options to both. */
export const pollRules: Record<keyof PollOptions, Rule> = {
  transmitter: any,
  stream: any,
  accessToken: any,
  signal: any,
  maxEvents: [(value) => Number.isInteger(value) && value > 0 && value <= 1000, 'must be whole, from 1 to 1,000', 25],
  interval: period(1),
}

/** The result of one round. */
export interface PollResult {
  /** The number of tokens that were carried out, in this round or earlier. They are acknowledged. */
  handled: number
  /** The number of wrong tokens. They are reported to the transmitter. */
  refused: number
  /**
   * The number of tokens that this receiver could not carry out, for example because the store is down. The transmitter
   * keeps them.
   */
  failed: number
  /** True if the transmitter has more tokens. */
  moreAvailable: boolean
}

/**
 * The time-out for one token, in seconds. After `n` failures in a round, it is divided by `n + 1`. So tokens that hang do not
 * delay the other tokens for long. A token that needs more time goes on, and succeeds in a later round.
 */
const tokenTime = 10
/**
 * The largest answer to a poll, in bytes: 1,000 tokens of 16 KiB. Failed tokens come again before new tokens. So if failed tokens
 * fill an answer, no new token arrives.
 */
const maxBytes = 16 * 1024 * 1024
/** The longest back-off, in seconds. */
const longestWait = 60
/** While a token fails, the wait is doubled at most this many times. A token that always fails must not delay new tokens. */
const mostDoublings = 3

export interface Poller extends Pick<RequestOptions, 'fetch' | 'allowInsecureRequests'> {
  /** @throws {TypeError} if the transmitter is not configured. */
  findTransmitter(issuer: string): KnownTransmitter
  receive(jwt: string, transmitter: KnownTransmitter): Promise<unknown>
  onError(error: unknown): void
}

/**
 * Does one round (RFC 8936): gets tokens, carries them out, and acknowledges them.
 *
 * @param more The number of tokens to get in addition to `maxEvents`.
 * @param onNames Gets the names of the tokens that the transmitter has sent.
 */
export async function pollOnce(
  options: PollOnceOptions,
  poller: Poller,
  more = 0,
  onNames?: (names: string) => void,
): Promise<PollResult> {
  const { transmitter: issuer, stream, accessToken, signal, maxEvents } = options
  const configured = poller.findTransmitter(issuer)
  const { aud, delivery } = stream
  const transmitter = isAudience(aud) ? { ...configured, findAudience: createAudience(aud) } : configured
  const ask = (body: JSONObject): Promise<JSONObject> =>
    send({ ...poller, transmitter: issuer, accessToken, signal, maxBytes }, 'POST', Object(delivery).endpoint_url, {
      returnImmediately: true,
      ...body,
    })

  const limit = maxEvents! + more
  const { sets, moreAvailable } = await ask({ maxEvents: limit })
  const received = Object.entries(isObject(sets) ? sets : {})
  onNames?.(received.map(([jti]) => jti).join())
  const ack: string[] = []
  const faults: [string, SetFault][] = []
  let failed = 0
  // Handles one token after the other, to keep the order of the transmitter. A transmitter can send more tokens than it was
  // asked for, and many tokens would block the process. The tokens over the limit stay at the transmitter.
  for (const [jti, jwt] of received.splice(0, limit)) {
    signal?.throwIfAborted()
    try {
      await withTimeout(tokenTime / (1 + failed), () => poller.receive(jwt as string, transmitter))
      ack.push(jti)
    } catch (reason) {
      const error: BackchannelLogoutError = asLogoutError('the token', reason)
      poller.onError(error)
      if (isFailure(error)) failed += 1
      else faults.push([jti, faultOf(error)])
    }
  }
  const [handled, refused] = [ack.length, faults.length]
  if (handled + refused) await ask({ maxEvents: 0, ack, setErrs: refused ? Object.fromEntries(faults) : undefined })
  return { handled, refused, failed, moreAvailable: !!received[0] || moreAvailable === true }
}

/** Waits for some seconds, or until the signal aborts. Replaces the `onabort` handler of the signal. */
const waitFor = (seconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000)
    const end = (): void => {
      clearTimeout(timer)
      resolve()
    }
    // oxlint-disable-next-line unicorn/prefer-add-event-listener -- this must replace the handler of the last round
    signal.onabort = end
    if (signal.aborted) end()
  })

/**
 * Repeats rounds until the signal aborts. After each failure in a row, the wait is longer, up to `longestWait`. If a round
 * carries out a token, the round does not count as a failure. If more tokens are available, the next round begins at once. But if
 * the transmitter has sent the same tokens as in the last round, it is not asked again without a pause.
 */
export async function poll(options: PollOptions & { signal: AbortSignal }, poller: Poller): Promise<void> {
  const { signal, interval } = options
  poller.findTransmitter(options.transmitter)
  let failures = 0
  let failed = 0
  let names = ''
  while (!signal.aborted) {
    let hasMore = false
    try {
      // The transmitter sends the failed tokens again, before new tokens. So this round asks for additional tokens.
      const lastNames = names
      const result = await pollOnce(options, poller, failed, (sent) => (names = sent))
      failed = result.failed
      failures = failed && !result.handled ? Math.min(failures + 1, mostDoublings) : 0
      hasMore = result.moreAvailable && result.handled + result.refused > 0 && names !== lastNames
    } catch (error) {
      failures += 1
      // The answer may have been too large. So the next round asks for fewer tokens.
      failed = 0
      if (!signal.aborted) poller.onError(error)
    }
    // Adds jitter, so that many instances do not retry at the same moment.
    const jitter = failures ? 0.5 + Math.random() / 2 : 1
    if (!hasMore) await waitFor(Math.min(longestWait, interval! * 2 ** failures) * jitter, signal)
  }
}
