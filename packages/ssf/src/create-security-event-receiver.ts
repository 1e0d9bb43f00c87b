import type { BackchannelLogout, LogoutEndpoint, LogoutResponse } from '@bcl/core'
import {
  callback,
  fetchRules,
  handleWith,
  internalsOf,
  isListOf,
  isObject,
  period,
  readOptions,
  requireOption,
  runGuarded,
  singleFlight,
  type Flight,
  type Rules,
} from '@bcl/core/kit'
import { createCarryOut } from './sessions/carry-out.js'
import {
  poll,
  pollOnce,
  pollRules,
  type PollOnceOptions,
  type Poller,
  type PollOptions,
  type PollResult,
} from './delivery/poll.js'
import { createRespond, type Receipt, type SecurityEventDelivery } from './delivery/respond.js'
import type { SecurityEvent } from './events/security-event.js'
import type { ResolveSubject } from './sessions/target.js'
import { knowTransmitter, type Transmitter } from './transmitters/transmitter.js'
import { parseSet, verifySet, type ParsedSet } from './events/verify-set.js'

/** Options of {@link createSecurityEventReceiver}. */
export interface SecurityEventReceiverOptions {
  /** The receiver of Logout Tokens, from `createBackchannelLogout`. It ends the sessions. */
  logout: BackchannelLogout
  /** The transmitters to trust. Each must have a different issuer. */
  transmitters: readonly Transmitter[]
  /**
   * Maps the subject of an event to a user or a session of your application. It is called for events that end sessions. If
   * the function fails, the event is not acknowledged. Without this function, only three kinds of subjects end sessions:
   *
   * - an `iss_sub` subject;
   * - a complex subject whose `user` is an `iss_sub` subject;
   * - a complex subject without `user` whose `session` is an `opaque` subject, if `subjectIssuers` of the transmitter has
   *   exactly one issuer.
   */
  resolveSubject?: ResolveSubject | undefined
  /**
   * Decides whether an event ends sessions. Return `undefined` for the default. By default, these events end sessions:
   * session-revoked (CAEP); account-disabled, account-purged and sessions-revoked (RISC); tokens-revoked (Google). If the
   * function fails, the event is not acknowledged.
   */
  endsSessions?: ((event: SecurityEvent) => boolean | undefined) | undefined
  /** Seconds for a whole push. After this time, the answer is 503. @default 0.9, because Keycloak waits for one second */
  timeout?: number | undefined
  /**
   * Seconds that one call of `resolveSubject`, `endsSessions` or `onEvent` may take. A longer call counts as failed. When the
   * transmitter sends the event again, the function is called again.
   *
   * @default 2
   */
  listenerTimeout?: number | undefined
  /**
   * Gets each event once, also events that end no session. The receiver waits for this function. If the function fails,
   * the event is not acknowledged, and the function gets the event again when the transmitter sends it again.
   */
  onEvent?: ((event: SecurityEvent) => unknown) | undefined
  /** Gets one record for each push. If this function throws, the error is ignored. */
  onDelivery?: ((delivery: SecurityEventDelivery) => void) | undefined
  /**
   * Gets errors of background work, such as the refresh of keys. Also gets the errors of `poll`, and the error of each token
   * that `poll` or `pollOnce` could not carry out.
   */
  onError?: ((error: unknown) => void) | undefined
  /** The `fetch` to use. @default globalThis.fetch */
  fetch?: typeof fetch | undefined
  /** Allow plain `http:` to other machines. @default false */
  allowInsecureRequests?: boolean | undefined
  /** Returns the current time as a NumericDate, in seconds. @default the clock of `logout` */
  now?: (() => number) | undefined
}

/** A receiver of Security Event Tokens. The adapters for Logout Tokens can also mount this receiver. */
export interface SecurityEventReceiver extends LogoutEndpoint {
  /**
   * Answers a push that arrives as a Web-standard `Request`. Never rejects. On Cloudflare Workers, also give the promise to
   * `waitUntil`, because Workers stop the work of a request if its client disconnects.
   */
  handle(request: Request): Promise<Response>
  /**
   * Polls once (RFC 8936). Use this function in schedulers and on Workers. If `fetch` or `accessToken` fails, rejects with
   * their error.
   *
   * @throws {TypeError} if an option is wrong, the transmitter is not configured, or its address is not allowed.
   * @throws {StreamRequestError} if the transmitter answers with an error status or a wrong body.
   */
  pollOnce(options: PollOnceOptions): Promise<PollResult>
  /**
   * Polls again and again until `signal` aborts or the receiver is closed. Resolves after the last round. Errors go to
   * `onError`. After an error, the next round starts later.
   *
   * @throws {TypeError} if an option is wrong, or the transmitter is not configured.
   */
  poll(options: PollOptions): Promise<void>
  /**
   * Fetches the metadata and keys of all transmitters. Call it when the application starts. Otherwise the first push waits
   * for these fetches, and can exceed the `timeout` of a push.
   *
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_KEYS_UNAVAILABLE` if a fetch fails.
   */
  warm(): Promise<void>
  /**
   * Stops all calls of `poll`, each after its token in progress. Waits for these tokens, for calls of `pollOnce`, for pushes, and
   * for events in progress. Does not close `logout`, so close `logout` afterwards.
   */
  close(): Promise<void>
}

const rules: Rules = {
  ...fetchRules,
  logout: [isObject, 'must be from createBackchannelLogout'],
  transmitters: [isListOf(isObject), 'must be a list'],
  resolveSubject: callback(),
  endsSessions: callback(),
  timeout: period(0.9),
  listenerTimeout: period(2),
  onEvent: callback(),
  onDelivery: callback(() => {}),
  onError: callback(() => {}),
  now: callback(),
}

/** The options that have a default. */
interface Defaulted {
  timeout: number
  listenerTimeout: number
  onDelivery: (delivery: SecurityEventDelivery) => void
  onError: (error: unknown) => void
}

/** If a push still runs this many seconds after its time-out, the push counts as lost. `close` does not wait for it. */
const longest = 20
/** If a call of `pollOnce` takes more than this many seconds, the call counts as lost. `close` does not wait for it. */
const longestRound = 300

/**
 * Creates a receiver of Security Event Tokens (Shared Signals, CAEP, RISC). The receiver verifies tokens and uses
 * `logout` to end the sessions that the tokens name. The call sends no request.
 *
 * @throws {TypeError} if an option is wrong or unknown.
 * @see {@link https://openid.net/specs/openid-sharedsignals-framework-1_0.html OpenID Shared Signals Framework 1.0}
 * @see {@link https://www.rfc-editor.org/rfc/rfc8935 RFC 8935, push}
 * @example
 * ```ts
 * import { createBackchannelLogout, MemoryStore } from '@bcl/core'
 * import { createSecurityEventReceiver } from '@bcl/ssf'
 *
 * const issuer = 'https://idp.example.com/realms/acme'
 * const logout = createBackchannelLogout({
 *   issuers: [{ issuer, clientId: 'my-client' }],
 *   sessionMaxAge: 8 * 60 * 60,
 *   store: new MemoryStore(),
 * })
 *
 * export const events = createSecurityEventReceiver({
 *   logout,
 *   transmitters: [{ issuer, audience: 'my-receiver', pushAuthorization: 'Bearer a-long-random-value' }],
 *   onEvent: ({ type, ended, reason }) => console.log(type, ended, reason),
 * })
 * ```
 */
export function createSecurityEventReceiver(options: SecurityEventReceiverOptions): SecurityEventReceiver {
  const read = readOptions(options, rules) as SecurityEventReceiverOptions & Defaulted
  const internals = internalsOf(read.logout)
  const { timeout, now = internals.now } = read
  /** The options, with an `onError` that never throws. */
  const guarded = { ...read, onError: (error: unknown): void => runGuarded(() => read.onError(error)) }
  const transmitters = read.transmitters.map((transmitter, index) =>
    knowTransmitter(transmitter, `transmitters[${index}]`, guarded),
  )
  const byIssuer = new Map(transmitters.map((transmitter) => [transmitter.issuer as unknown, transmitter]))
  requireOption(byIssuer.size === transmitters.length, 'transmitters', 'must have different issuers')

  const events = createCarryOut({ ...internals, ...read, now })

  const receive = async (set: ParsedSet, receipt: Receipt): Promise<boolean> => {
    const { transmitter } = set
    const { events: found, audience } = await verifySet(set, now())
    const { jti } = found[0]!
    Object.assign(receipt, { iss: transmitter.issuer, jti, types: found.map(({ type }) => type) })
    const carriedOut = await Promise.all(found.map((event) => events.carryOut(event, transmitter, audience)))
    return carriedOut.includes(true)
  }

  const answer = createRespond({
    ...read,
    transmitters,
    parse: (jwt) => parseSet(jwt, (iss) => byIssuer.get(iss)),
    receive,
  })
  const pushes = singleFlight<Flight<LogoutResponse>>(timeout + longest)
  const respond: LogoutEndpoint['respond'] = (request) => pushes.run(() => answer(request), {}).result

  const poller: Poller = {
    ...guarded,
    findTransmitter(iss) {
      const transmitter = byIssuer.get(iss)
      requireOption(!!transmitter, 'transmitter', 'must be a configured issuer', iss)
      return transmitter
    },
    receive: (jwt, transmitter) =>
      receive(
        parseSet(jwt, (iss) => (iss === transmitter.issuer ? transmitter : undefined)),
        {},
      ),
  }
  const rounds = singleFlight<Flight<PollResult>>(longestRound)
  /** The running poll loops, each with the controller that stops it. */
  const polls = new Map<Promise<void>, AbortController>()

  return {
    respond,
    pollOnce: (options) => rounds.run(async () => pollOnce(readOptions(options, pollRules), poller), {}).result,
    async poll(options) {
      const loop = readOptions(options, pollRules)
      const stop = new AbortController()
      const signal = AbortSignal.any([loop.signal ?? stop.signal, stop.signal])
      const run = poll({ ...loop, signal }, poller)
      polls.set(run, stop)
      await run.finally(() => polls.delete(run))
    },
    handle: (request) => handleWith(respond, request),
    async warm() {
      await Promise.all(transmitters.map(({ keys }) => keys.warm?.()))
    },
    async close() {
      for (const stop of polls.values()) stop.abort()
      await Promise.allSettled([pushes.settled(), rounds.settled(), ...polls.keys()])
      await events.settled()
    },
  }
}
