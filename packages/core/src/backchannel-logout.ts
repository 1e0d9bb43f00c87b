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
   * The client registrations to trust, as a list or as a function that finds the registrations of an issuer. For an
   * issuer that is not trusted, the function must return `undefined`, and must not throw. If the function throws or takes
   * over 1.5 seconds, the logout or the check fails. After ten failed calls for an issuer in use, its tokens cause only one
   * call a second. All issuers that are not in use share one limit of the same size.
   *
   * Each answer is cached for 60 seconds. For 60 more seconds, the old answer is used while the function is called in
   * the background. If the cached answer does not contain the client of a token or a session, the function is called
   * again at once. The rate of these calls is limited.
   */
  issuers: readonly TrustedIssuer[] | ((iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)
  /**
   * Seconds that a session may live, counted from the `iat` of its first ID Token. An older session counts as logged out. At
   * most 400 days.
   */
  sessionMaxAge: number
  /**
   * The store for logouts. If the store loses a logout, the sessions of this logout work again. So use a durable,
   * shared store in production.
   */
  store: LogoutStore
  /**
   * Ends a session by the id that was passed to {@link BackchannelLogout.trackSession}. Must be idempotent. The logout
   * waits for this function, and fails if the function fails.
   */
  destroySession?: ((sessionId: string, event: LogoutEvent) => unknown) | undefined
  /**
   * Seconds for which {@link BackchannelLogout.isLoggedOut} reuses the answer "not logged out" of the store. With 0, each call
   * reads the store. A logout on this instance, or a logout that the store broadcasts, counts at once. Any other logout
   * counts at most this many seconds late. The answer is also reused while the store is down.
   *
   * @default 0
   */
  recheckAfter?: number | undefined
  /**
   * The answer to a token whose logout was already carried out. `'acknowledge'` answers 200, and `'reject'` refuses the
   * token. Listeners are not called again.
   *
   * Listeners must be idempotent, also with `'reject'`. If two instances receive copies of a token at the same moment, both
   * call their listeners. If a process crashes after a listener has run, a retry of the token calls the listener again.
   *
   * @default 'acknowledge'
   */
  replay?: 'acknowledge' | 'reject' | undefined
  /**
   * The HTTP status if the store, the issuer function, a listener or the keys fail. Set 503 if the provider retries on 503.
   *
   * @default 400
   */
  unavailableStatus?: 400 | 503 | undefined
  /** Seconds that one call of the store may take. A longer call counts as failed. @default 1 */
  storeTimeout?: number | undefined
  /** Seconds that a listener or `destroySession` may take. A longer call counts as failed. @default 2 */
  listenerTimeout?: number | undefined
  /**
   * Seconds that discovery and the fetch of the keys together may take within a request. After this time, the request fails
   * with `ERR_LOGOUT_KEYS_UNAVAILABLE`. Set a larger value for a slow provider.
   *
   * @default 1.5
   */
  keysTimeout?: number | undefined
  /** Seconds between two polls of the store for {@link BackchannelLogout.watch}. @default 30 */
  pollInterval?: number | undefined
  /** The `fetch` for keys and discovery. @default globalThis.fetch */
  fetch?: typeof fetch | undefined
  /** Allow `http:` to other machines for keys and discovery. @default false */
  allowInsecureRequests?: boolean | undefined
  /** The clock. Returns a NumericDate in seconds. @default the system clock */
  now?: (() => number) | undefined
  /** Gets one record for each request to the endpoint. If this function throws, the error is ignored. */
  onDelivery?: ((delivery: LogoutDelivery) => void) | undefined
  /**
   * Gets errors of background work: polls, broadcasts, subscriptions, refreshes of keys and of answers of the issuer function,
   * removals of old entries, and logouts that were not written to the store. Also gets errors of `watch` and of its
   * listeners. If this function throws, the error is ignored.
   */
  onError?: ((error: unknown) => void) | undefined
}

/** Receives logouts, and tells which sessions have ended. */
export interface BackchannelLogout extends LogoutEndpoint {
  /**
   * Verifies a Logout Token, stores the logout, and calls the listeners.
   *
   * @throws {BackchannelLogoutError} with any code except `ERR_LOGOUT_REQUEST_INVALID`.
   */
  receive(logoutToken: string): Promise<LogoutEvent>
  /**
   * Ends a session on every instance. Call it when the user signs out of the application. From now on, a copy of the
   * session's cookie is refused. Sessions with another `sid` stay signed in. If the session has no `sid`, the user's older
   * sessions without a `sid` end, too. A later sign-in is not affected.
   *
   * @param origin If `origin` has a `key`, listeners run only once for that key.
   * @throws {TypeError} if the session or `origin` is wrong, or the issuer or client is not trusted.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED` if the store, a listener or the issuer function failed. If the
   *   store or a listener failed, the session has ended on this instance. It ends on the other instances as soon as the
   *   store takes the logout. If the issuer function failed, the session has not ended.
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
   * Signs a user out everywhere: ends the user's sessions that began until now, or until `subject.before` if you set it. If
   * the provider's clock is ahead, the `iat` of a session can be later than this time. So call {@link endSession} for the
   * caller's own session too.
   *
   * @param origin If `origin` has a `key`, listeners run only once for that key.
   * @throws {TypeError} if the subject or `origin` is wrong, the issuer or client is not trusted, or `before` is in the future.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED`, for the same reasons as in {@link endSession}.
   * @example
   * ```ts
   * import type { BackchannelLogout, SessionClaims } from '@bcl/core'
   *
   * export async function signOutEverywhere(logout: BackchannelLogout, session: SessionClaims): Promise<void> {
   *   await Promise.all([logout.endAllSessions({ iss: session.iss, sub: session.sub }), logout.endSession(session)])
   * }
   * ```
   */
  endAllSessions(subject: SubjectToEnd, origin?: LogoutOrigin): Promise<LogoutEvent>
  /**
   * Calls `listener` for each logout, on the instance that received the logout. The logout waits for the listener, and
   * fails if the listener fails. The listener must be idempotent, because it can run again for the same logout. Returns
   * a function that removes the listener.
   *
   * @throws {TypeError} if `listener` is not a function.
   */
  onLogout(listener: (event: LogoutEvent) => unknown): () => void
  /**
   * Tells whether a session has ended, by a logout or by its age.
   *
   * @throws {TypeError} if the session does not match {@link SessionClaims}, or its issuer or client is not trusted.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED` if the store or the issuer function failed. Then refuse the request.
   */
  isLoggedOut(session: SessionClaims): Promise<boolean>
  /**
   * Calls `listener` once, when the session ends on any instance. Use it for live sign-out. Returns a function that
   * stops the watch.
   *
   * This library does not limit the number of watches. The application must limit watches per session and per process,
   * because anybody with a session can open streams.
   *
   * If `issuers` is a function and the issuer or client is not trusted, `onError` gets the error, and the watch stops.
   *
   * @throws {TypeError} for the same reasons as {@link isLoggedOut}, or if `listener` is not a function.
   * @throws {Error} after {@link close}.
   */
  watch(session: SessionClaims, listener: () => void): () => void
  /**
   * Stores the application's own id of a session, for `destroySession` and listeners. Resolves to false if the session has
   * already been logged out. Then do not create the session.
   *
   * @throws {TypeError} for the same reasons as {@link isLoggedOut}, or if `sessionId` is empty.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED` if the store or the issuer function failed.
   */
  trackSession(session: SessionClaims, sessionId: string): Promise<boolean>
  /**
   * Removes the id that {@link trackSession} stored. Call it when the application itself has ended the session.
   *
   * @throws {TypeError} if the session does not match {@link SessionClaims}, or if `sessionId` is empty.
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_FAILED` if the store failed.
   */
  untrackSession(session: SessionClaims, sessionId: string): Promise<void>
  /**
   * Answers a Web-standard `Request` to the endpoint. Never rejects. On Cloudflare Workers, also give the promise to `waitUntil`,
   * because Workers stop the work of a request if its client disconnects.
   */
  handle(request: Request): Promise<Response>
  /**
   * Fetches the keys of the listed issuers, unless they have been fetched in the last 12 hours. Call it in a readiness probe until one
   * call has succeeded. If `issuers` is a function, it does nothing.
   *
   * @throws {BackchannelLogoutError} `ERR_LOGOUT_KEYS_UNAVAILABLE` if the keys of an issuer cannot be fetched.
   */
  warm(): Promise<void>
  /**
   * Ends watches, timers and the subscription to broadcasts. Waits for requests and logouts in progress. Then tries to write
   * the logouts that the store has not taken yet. If the store does not take them within some seconds, `onError` gets the
   * number of lost markers. A marker is the stored form of a logout. A logout has one or two markers for each client.
   *
   * Close the client of the store after `close`. A logout that arrives after `close` is still carried out. If the store does
   * not take such a logout, call `close` again to write it.
   */
  close(): Promise<void>
}
