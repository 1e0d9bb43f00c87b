import { isText, monotonicNow, requireOption, singleFlight, withTimeout, type Flight } from '@bcl/core/kit'
import { isTextList } from '../option-rules.js'

/** The audience of a stream. */
export type Audience = string | readonly string[]

/** Seconds for which the answer of an audience function is cached. */
const cachedFor = 60
/** Seconds after the start of a call for which no token causes a new call. */
const recheckedAfter = 1

/** Tells whether a value can be the audience of a stream. */
export const isAudience = (value: unknown): value is Audience => isText(value) || isTextList(value)

export const mustBeAudience = 'must be a string or a list of strings'

/** Tells whether `aud` has one of the audiences. */
const isOneOf = (aud: unknown, known: Audience): boolean => {
  const audiences = new Set([aud].flat())
  return [known].flat().some((name) => audiences.has(name))
}

/**
 * Makes the check of `aud` (SE-3). An audience function has a time-out. It is called at most once a second, because anybody can
 * send tokens. If a token has an unknown audience, the function is called again early, because the stream may be new.
 *
 * @param seconds The time-out of an audience function.
 */
export function createAudience(
  audience: Audience | (() => Audience | Promise<Audience>),
  seconds = 0,
): (aud: unknown) => Promise<boolean> {
  if (typeof audience !== 'function') return async (aud) => isOneOf(aud, audience)
  const flights = singleFlight<Flight<void>>(seconds)
  let known: Audience = []
  let foundAt = -Infinity
  let asked: Promise<void> | undefined
  let askedAt = -Infinity
  const find = async (): Promise<void> => {
    const found = await withTimeout(seconds, audience)
    requireOption(isAudience(found), 'audience()', mustBeAudience)
    known = found
    foundAt = monotonicNow()
  }
  return async (aud) => {
    const time = monotonicNow()
    if (time - foundAt > cachedFor || !isOneOf(aud, known)) {
      if (time - askedAt > recheckedAfter && !flights.get()) {
        askedAt = time
        asked = flights.run(find).result
      }
      await asked
    }
    return isOneOf(aud, known)
  }
}
