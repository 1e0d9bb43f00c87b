/**
 * The parts of `@bcl/core` that its sibling packages reuse, such as a receiver of Security Event Tokens.
 *
 * Applications must not use this entry. It is outside semantic versioning: any minor release can change it. A patch release
 * does not change it. Therefore a sibling package accepts only patch releases of its own version (`workspace:~`).
 *
 * - Tokens: {@link splitCompact}, {@link decodeObject}, {@link readHeader}, {@link verifySignature}.
 * - Keys: {@link createKeySource} for a JWK Set, a function, a URL, or the metadata of an issuer (RP-50 to RP-54).
 * - Requests: {@link readBody}, {@link answer}, {@link handleWith}.
 * - Logouts that were carried out: the store of {@link internalsOf}, with {@link doneKey}, {@link expiryFor} and {@link
 *   retryUntil}.
 *
 * @packageDocumentation
 */
export { asLogoutError, claimError, codeOf, describe, invalidToken, keysUnavailable } from './errors.js'
export { answer, handleWith, readBody, requestError } from './http/respond.js'
export { internalsOf } from './internals.js'
export { sourceRules } from './issuers/trusted-issuer.js'
export { requireAddress } from './keys/discover-keys.js'
export { createDiscovery, fetchJson, isAllowed } from './keys/discovery.js'
export { createKeySource } from './keys/key-source.js'
export { doneKey } from './sessions/markers.js'
export { expiryFor } from './sessions/one-rule.js'
export { decodeObject, splitCompact } from './token/compact.js'
export { numericDate } from './token/logout-token.js'
export { readHeader, signatureError, verifySignature } from './token/verify-signature.js'
export { monotonicNow, systemNow } from './util/clock.js'
export { LruMap } from './util/lru-map.js'
export { defined, isObject } from './util/objects.js'
export {
  callback,
  fetchRules,
  isFunction,
  isListOf,
  isPeriod,
  isText,
  oneOf,
  period,
  readOptions,
  requireOption,
  text,
} from './util/options.js'
export { readText } from './util/read-text.js'
export { retryUntil } from './util/retry-until.js'
export { runGuarded } from './util/run-guarded.js'
export { singleFlight } from './util/single-flight.js'
export { pause, startBackgroundTimer } from './util/timers.js'
export { createTokenBucket } from './util/token-bucket.js'
export { withTimeout } from './util/with-timeout.js'
export { withoutClaims } from './util/without-claims.js'

export type { Internals } from './internals.js'
export type { KeyLocation, MetadataLocation, ReadMetadata } from './keys/discovery.js'
export type { KeySourceOptions } from './keys/key-source.js'
export type { KeySource, RemoteKeysOptions } from './keys/remote-keys.js'
export type { JSONObject } from './util/objects.js'
export type { Rule, Rules } from './util/options.js'
export type { Flight, SingleFlight } from './util/single-flight.js'
