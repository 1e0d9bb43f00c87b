import { isListOf, isText, monotonicNow, singleFlight, withTimeout, type Flight } from '@bcl/core/kit'

/** The audience of a stream. */
export type Audience = string | readonly string[]

/** Seconds for which the answer of an audience function is used. */
const cachedFor = 60
/** Seconds after which a token with another audience causes a new call of the function. */
const recheckedAfter = 1

const isTextList = isListOf(isText)

/**
 * Makes the check of `aud` (SE-3). An audience function is limited in time, and concurrent tokens share its call. It is
 * called again early if a token has another audience: the stream may be a new one.
 *
 * @param seconds The time-out of an audience function.
 */
export function createAudience(
  audience: Audience | (() => Audience | Promise<Audience>),
  seconds: number,
): (aud: unknown) => Promise<boolean> {
  const isOneOf = (aud: unknown, known: Audience): boolean => [known].flat().some((name) => [aud].flat().includes(name))
  if (typeof audience !== 'function') return async (aud) => isOneOf(aud, audience)
  const flights = singleFlight<Flight<void>>(seconds)
  let known: Audience = []
  let foundAt = -Infinity
  const find = async (): Promise<void> => {
    const found = await withTimeout(seconds, audience)
    if (!isText(found) && !isTextList(found)) throw new TypeError('audience must return a string or a list of strings')
    known = found
    foundAt = monotonicNow()
  }
  return async (aud) => {
    const age = monotonicNow() - foundAt
    if (age > cachedFor || (age > recheckedAfter && !isOneOf(aud, known))) await flights.run(find).result
    return isOneOf(aud, known)
  }
}
