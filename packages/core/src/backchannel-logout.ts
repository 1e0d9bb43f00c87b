import type { LogoutDelivery, LogoutEndpoint } from './http/respond.js'
import type { ResolvedIssuer } from './issuers/issuers.js'
import type { TrustedIssuer } from './issuers/trusted-issuer.js'
import type { LogoutOrigin, SessionToEnd, SubjectToEnd } from './sessions/end-session.js'
import type { LogoutEvent } from './sessions/end-sessions.js'
import type { SessionClaims } from './sessions/session-claims.js'
import type { LogoutStore } from './store/store.js'

/** Options of `createBackchannelLogout`. */
export interface BackchannelLogoutOptions {
  /**
   * The client registrations to trust, or a function that finds those of an issuer. Its answers are cached for 60
   * seconds. `undefined` means that the issuer is not trusted. If a cached answer does not have the client of a token or
   * a session, the function is called again at once, at a limited rate. While an answer is refreshed, the old answer counts
   * for 60 seconds more. Return `undefined` for an unknown issuer, do not throw: after ten failures, tokens call the function
   * once a second.
   */
  issuers: readonly TrustedIssuer[] | ((iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)
  /** Seconds a session may live, counted from the `iat` of its first ID Token. An older session counts as logged out. At most 400 days. */
  sessionMaxAge: number
  /** The store of the logouts. If it forgets a logout, the session works again. So use a durable, shared store in production. */
  store: LogoutStore
  /** Ends a session that {@link BackchannelLogout.trackSession} named. Awaited and idempotent. A failure fails the logout. */
  destroySession?: ((sessionId: string, event: LogoutEvent) => unknown) | undefined
  /**
   * Seconds for which an "alive" answer of the check is reused. With 0 the store is asked each time. A logout on this instance
   * counts at once, and so does a logout that the store broadcasts. Any other logout counts at most this many seconds late.
   * An "alive" answer is also reused while the store is down.
   *
   * @default 0
   */
  recheckAfter?: number | undefined
  /**
   * The answer to a token that was carried out before: 200, or with `'reject'` a refusal. Listeners are not called again.
   * `'reject'` does not promise that a token runs once: if two instances get copies at the same moment, both carry it out.
   * A crash between a listener and the record of it also repeats the listener. So listeners must be idempotent.
   *
   * @default 'acknowledge'
   */
  replay?: 'acknowledge' | 'reject' | undefined
  /** The status of an answer to an outage on this side. Set 503 if the provider retries on 503. @default 400 */
  unavailableStatus?: 400 | 503 | undefined
  /** Seconds that one call of the store may take. @default 1 */
  storeTimeout?: number | undefined
  /** Seconds that a listener, or `destroySession`, may take. @default 2 */
  listenerTimeout?: number | undefined
  /**
   * Seconds that discovery and keys together may take within a request. Raise it for a provider that answers slowly.
   *
   * @default 1.5
   */
  keysTimeout?: number | undefined
  /** Seconds between two polls of the store for {@link BackchannelLogout.watch}. @default 30 */
  pollInterval?: number | undefined
  /** The `fetch` for keys and discovery. @default globalThis.fetch */
  fetch?: typeof fetch | undefined
  /** Allow `http:` to other machines than this one for keys and discovery. @default false */
  allowInsecureRequests?: boolean | undefined
  /** The clock. Returns a NumericDate in seconds. @default the system clock */
  now?: (() => number) | undefined
  /** Gets one record for each request to the endpoint. A throw in it changes nothing. */
  onDelivery?: ((delivery: LogoutDelivery) => void) | undefined
  /** Gets failures in the background: polls, subscriptions, key refreshes, and logouts that were not written. */
  onError?: ((error: unknown) => void) | undefined
}

/** Receives logouts, and answers which sessions have ended. */
export interface BackchannelLogout extends LogoutEndpoint {
  /**
   * Verifies a Logout Token, stores the logout, and calls the listeners.
   *
   * @throws {BackchannelLogoutError} with any code but `ERR_LOGOUT_REQUEST_INVALID`.
   */
  receive(logoutToken: string): Promise<LogoutEvent>
  /**
   * Ends this session on every instance: the application's own sign-out. A copy of the cookie is refused from now on. Sessions
   * with another `sid` stay signed in, and so does a later sign-in.
   *
   * @param origin With a `key`, listeners run once per key.
   * @throws {TypeError} if the session is wrong, or its issuer is not trusted.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED` if the store or a listener failed. The session has ended on this
   *   instance, and the marker is written when the store is back.
   * @example
   * ```ts
   * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
   *
   * export async function signOut(logout: BackchannelLogout, session: SessionClaims): Promise<void> {
   *   await logout.endSession(session)
   * }
   * ```
   */
  endSession(session: SessionToEnd, origin?: LogoutOrigin): Promise<LogoutEvent>
  /**
   * Ends all sessions of a user that began at `before` or earlier: sign out everywhere. If the provider's clock is ahead of this
   * machine's, a session can be dated later than `before`. So call {@link endSession} for the caller's own session too.
   *
   * @param origin With a `key`, listeners run once per key.
   * @throws {TypeError} if the subject is wrong, its issuer is not trusted, or `before` is in the future.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED` as {@link endSession}.
   * @example
   * ```ts
   * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
   *
   * export async function signOutEverywhere(logout: BackchannelLogout, session: SessionClaims): Promise<void> {
   *   await logout.endAllSessions({ iss: session.iss, sub: session.sub })
   *   await logout.endSession(session)
   * }
   * ```
   */
  endAllSessions(subject: SubjectToEnd, origin?: LogoutOrigin): Promise<LogoutEvent>
  /**
   * Calls `listener` for each logout, on the instance that received it. The listener is awaited, and its failure fails the
   * logout. It must be idempotent, because a logout can be carried out again. Returns a function that removes the listener.
   */
  onLogout(listener: (event: LogoutEvent) => unknown): () => void
  /**
   * Whether a session has ended, by a logout or by its age.
   *
   * @throws {TypeError} if the session does not match {@link SessionClaims}, or its issuer is not trusted.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED` if the store is down. Then refuse the request.
   */
  isLoggedOut(session: SessionClaims): Promise<boolean>
  /**
   * Calls `listener` once, when the session ends: live sign-out, on every instance. Returns a function that ends the watch.
   *
   * The number of watches is not limited here. The application must limit it per session and per process: anybody with a
   * session can open streams.
   *
   * @throws {TypeError} as {@link isLoggedOut} does.
   */
  watch(session: SessionClaims, listener: () => void): () => void
  /**
   * Stores the application's own id of a session, for `destroySession` and listeners. Resolves to false if the session was
   * logged out already. Then do not create the session.
   *
   * @throws {TypeError} as {@link isLoggedOut} does.
   */
  trackSession(session: SessionClaims, sessionId: string): Promise<boolean>
  /** Forgets a session that the application has ended itself. */
  untrackSession(session: SessionClaims, sessionId: string): Promise<void>
  /** Answers a Web-standard `Request` to the endpoint. Never rejects. */
  handle(request: Request): Promise<Response>
  /**
   * Fetches the keys of the listed issuers, unless they are there. Call it in a readiness probe.
   *
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_KEYS_UNAVAILABLE`
   */
  warm(): Promise<void>
  /**
   * Ends watches, timers and the subscription. Waits for requests and logouts in progress, and writes the logouts that wait
   * for the store. If the store does not take them within some seconds, `onError` gets their number.
   *
   * Close the client of the store after `close`. A logout that arrives after `close` is still carried out. If the store does
   * not take that logout, call `close` again to write it.
   */
  close(): Promise<void>
}
