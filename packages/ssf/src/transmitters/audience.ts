import {
  isListOf,
  isText,
  monotonicNow,
  pause,
  requireOption,
  singleFlight,
  withTimeout,
  type Flight,
} from '@bcl/core/kit'

/** The audience of a stream. */
export type Audience = string | readonly string[]

/** Seconds for which the answer of an audience function is cached. */
const cachedFor = 60
/** The smallest number of seconds between the starts of two calls. */
const recheckedAfter = 0.3

export const isTextList = isListOf(isText)

/** Tells whether a value can be the audience of a stream. */
export const isAudience = (value: unknown): value is Audience => isText(value) || isTextList(value)

export const mustBeAudience = 'must be a string or a list of strings'

/** Returns the audiences that `aud` has. */
const match = (aud: unknown, known: Audience): string[] => {
  const audiences = new Set([aud].flat())
  return [known].flat().filter((name) => audiences.has(name))
}

/**
 * Makes the check of `aud` (SE-3). The check resolves to the audiences in `aud`. An audience function has a time-out. It is called at most every 0.3 seconds, because anybody can
 * send tokens. A token with an unknown audience waits for the next call, because the stream may be new.
 *
 * @param seconds The time-out of an audience function.
 */
export function createAudience(
  audience: Audience | (() => Audience | Promise<Audience>),
  seconds = 0,
): (aud: unknown) => Promise<string[]> {
  if (typeof audience !== 'function') return async (aud) => match(aud, audience)
  const flights = singleFlight<Flight<void>>(seconds + recheckedAfter)
  let known: Audience = []
  let foundAt = -Infinity
  let askedAt = -Infinity
  /** The number of calls that have begun. */
  let calls = 0
  const find = async (): Promise<void> => {
    const wait = askedAt + recheckedAfter - monotonicNow()
    if (wait > 0) await pause(wait)
    askedAt = monotonicNow()
    calls += 1
    const found = await withTimeout(seconds, audience)
    requireOption(isAudience(found), 'audience()', mustBeAudience)
    known = found
    foundAt = monotonicNow()
  }
  return async (aud) => {
    const before = calls
    // A call that began before the token arrived can lack a new stream. Many transmitters send a token only once.
    while ((monotonicNow() - foundAt > cachedFor || !match(aud, known)[0]) && calls === before)
      await flights.run(find).result.catch((error: unknown) => {
        if (calls !== before) throw error
      })
    return match(aud, known)
  }
}
