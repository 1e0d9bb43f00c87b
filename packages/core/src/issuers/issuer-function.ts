import { asLogoutError } from '../errors.js'
import { monotonicNow } from '../util/clock.js'
import { LruMap } from '../util/lru-map.js'
import type { Maybe } from '../util/maybe.js'
import { singleFlight, type Flight } from '../util/single-flight.js'
import { pause, startBackgroundTimer } from '../util/timers.js'
import { createTokenBucket, requirePermit, type TokenBucket } from '../util/token-bucket.js'
import { withTimeout } from '../util/with-timeout.js'
import { withoutClaims } from '../util/without-claims.js'
import type { Registration } from './trusted-issuer.js'

/** Seconds for which an answer is fresh (RP-11). */
const freshFor = 60
/** The largest number of cached answers for issuers in use. Only valid tokens and checks of sessions add such answers. */
const maxUsed = 10_000
/** The largest number of answers in each of the other two caches (RP-11), and of waiting calls in each of the four queues. */
const maxEntries = 1000
/** The time-out of one call of the issuer function, in seconds. */
const answerTime = 1.5
/** Seconds that a token waits for a call and its answer. Most providers send a logout only once, so a late call is useful. */
const waitTime = 5
/**
 * The largest number of calls that run at the same time because of tokens. Also the size of each limit of failed calls: after
 * ten failed calls, a limit lets only one call a second start.
 */
const maxCalls = 10
/**
 * The cause of a call: a token, the check of a session, or a logout for all clients. Anybody can send tokens, so the calls that
 * tokens cause are limited. Other calls never wait for these calls.
 */
export type Caller = 'token' | 'session' | 'logout'

/** A cached answer of the issuer function. */
type Answer = [
  registrations: readonly Registration[],
  /** The time when the call began, in monotonic seconds. */
  askedAt: number,
  /**
   * Permits to call the function again although the answer is fresh: separate permits for tokens and sessions. `failed` has the
   * permits for failed calls.
   */
  takeCall: Readonly<Record<'token' | 'session' | 'failed', TokenBucket>>,
  /** True if the last call for a token failed or still runs. The next answer replaces the whole entry. */
  hasFailed?: boolean,
]

const createPermits = (): Answer[2] => ({
  token: createTokenBucket(4, 15),
  session: createTokenBucket(4, 15),
  failed: createTokenBucket(maxCalls, 1),
})

/**
 * Runs a call when the limits allow it.
 *
 * @param takeOwn The permits for failed calls. By default, calls of the limit share the same permits.
 */
type CallLimit = <T>(work: () => Promise<T>, takeOwn?: TokenBucket) => Promise<T>

/**
 * Makes four limits for calls that tokens cause: for issuers that are not in use, and for issuers in use whose cached answer is
 * too old, whose answer is usable, or whose last call failed. An issuer is in use after its first valid token, or after the check
 * of a session. Each limit has its own waiting calls. The newest waiting call runs first, because the oldest calls are about to
 * time out.
 */
function createCallLimits(): CallLimit[] {
  const running = singleFlight<Flight<unknown>>(answerTime)
  const queues: ((isDropped?: boolean) => void)[][] = []
  // If seven calls run, only calls for issuers in use start. A call that has ended wakes one waiting call of each limit, in this
  // order. A logout needs the call if the cached answer is too old. Forged tokens can cause many calls although an answer is usable.
  return [7, maxCalls, maxCalls, maxCalls].map((most, index) => {
    const waiting: (typeof queues)[number] = (queues[index] = [])
    const inProgress = singleFlight<Flight<unknown>>(answerTime)
    const takeShared = createTokenBucket(maxCalls, 1, inProgress.size)
    return async <T>(work: () => Promise<T>, takeOwn?: TokenBucket) => {
      const until = monotonicNow() + waitTime
      // Waits for a permit of its own outside the queue. In the queue, it would take the turns of calls that can run.
      while (takeOwn && !takeOwn()) {
        requirePermit(monotonicNow() < until)
        await pause(1)
      }
      try {
        while (running.size() >= most || !(takeOwn || takeShared())) {
          const isDropped = await new Promise<unknown>((resolve) => {
            // Without calls in progress, only this timer notices a new permit. It is cancelled when the wait ends. Otherwise,
            // the number of timers would grow for as long as an attack lasts.
            const cancel = startBackgroundTimer(1, () => waiting.pop()?.())
            const length = waiting.push((isDropped) => {
              cancel()
              resolve(isDropped)
            })
            if (length > maxEntries) waiting.shift()!(true)
          })
          requirePermit(!isDropped && monotonicNow() < until)
        }
        const answer = (await inProgress.run(() => running.run(work, {}).result, {}).result) as T
        ;(takeOwn ?? takeShared)(-1)
        return answer
      } finally {
        // Wakes one waiting call of each limit. A call that still cannot run waits again.
        for (const queue of queues) queue.pop()?.()
      }
    }
  })
}

/**
 * Finds all registrations that the issuer function returns for an issuer.
 *
 * @param isComplete Returns true if the registrations contain all that the caller needs. If it returns false for a cached
 *   answer, the issuer function is called again within the limits.
 * @param maxAge Seconds after which a cached answer is refreshed. The caller `'logout'` waits for the refresh.
 * @param since The time of the request, in monotonic seconds. With `maxAge` 0, a call that began earlier is not enough.
 */
type FindAll = (
  iss: string,
  caller: Caller,
  isComplete: (registrations: readonly Registration[]) => boolean,
  maxAge?: number,
  since?: number,
) => Maybe<readonly Registration[]>

export type IssuerFunction = readonly [
  findAll: FindAll,
  /** Marks the issuer as in use. */
  use: (iss: string) => void,
  isInUse: (iss: string) => boolean,
]

/**
 * Calls the issuer function, caches its answers, and limits its calls (RP-11).
 *
 * @param askFunction Calls the issuer function, and checks its answer.
 */
export function createIssuerFunction(
  askFunction: (iss: string) => Promise<readonly Registration[]>,
  onError: (error: unknown) => void,
): IssuerFunction {
  // Issuers in use have their own cache and their own limit. So forged tokens cannot push out the answers for issuers in use,
  // or delay their calls.
  const usedAnswers = new LruMap<Answer>(maxUsed)
  const otherAnswers = new LruMap<Answer>(maxEntries)
  const emptyAnswers = new LruMap<Answer>(maxEntries)
  const limits = createCallLimits()
  const cached = (iss: string): Answer | undefined =>
    usedAnswers.get(iss) ?? otherAnswers.get(iss) ?? emptyAnswers.get(iss)
  const calls = singleFlight<Flight<readonly Registration[]>>(answerTime)

  const callFunction = async (
    iss: string,
    caller: Caller,
    flight: Flight<unknown>,
  ): Promise<readonly Registration[]> => {
    const usedAnswer = usedAnswers.get(iss)
    const isToken = caller === 'token'
    let askedAt = 0
    const ask = (): Promise<readonly Registration[]> => {
      askedAt = monotonicNow()
      // Other tokens of the issuer share the call until it ends. Otherwise an issuer whose calls hang would fill the queue.
      flight.until = askedAt + answerTime
      if (usedAnswer) usedAnswer[3] ||= isToken
      return withTimeout(answerTime, () => askFunction(iss))
    }
    const isUsable = monotonicNow() - (usedAnswer?.[1] as number) < 2 * freshFor
    const limit = limits[usedAnswer?.[3] ? 3 : isUsable ? 2 : +!!usedAnswer]!
    const registrations = await withTimeout(
      waitTime,
      // An issuer in use has its own permits for failed calls, so its failures do not delay other issuers (RP-11i).
      () => (isToken ? limit(ask, usedAnswer?.[2].failed) : ask()),
      (error) => asLogoutError('the issuer function', withoutClaims(error, [iss])),
    )
    const last = cached(iss)
    // A slow call must not replace the answer of a call that began later.
    const newest: Answer = last && last[1] > askedAt ? last : [registrations, askedAt, last?.[2] ?? createPermits()]
    const [registration] = newest[0]
    // An issuer in use stays in use if the function does not know it for a moment.
    const isInUse = usedAnswers.has(iss) || (registration && !isToken)
    const answers = isInUse ? usedAnswers : registration ? otherAnswers : emptyAnswers
    otherAnswers.delete(iss)
    answers.set(iss, newest)
    return newest[0]
  }

  const use = (iss: string): void => {
    // Answers for forged tokens can have pushed out this answer. Then a stale answer without registrations has the permits.
    usedAnswers.set(iss, cached(iss) ?? [[], -Infinity, createPermits()])
  }

  const findAll: FindAll = (iss, caller, isComplete, maxAge = freshFor, since = monotonicNow()) => {
    const key = `${caller} ${iss}`
    const call = (): Promise<readonly Registration[]> =>
      calls.run((flight) => callFunction(iss, caller, flight), key).result
    const running = calls.get(key)
    if (maxAge === 0 && running && running.until - answerTime < since)
      return withTimeout(answerTime, () => running.result)
        .catch(() => {})
        .then(() => findAll(iss, caller, isComplete, maxAge, since))
    const answer = cached(iss)
    if (answer && caller !== 'token' && otherAnswers.delete(iss)) usedAnswers.set(iss, answer)
    if (!answer) return call()
    const [registrations, askedAt, takeCall] = answer
    const age = monotonicNow() - askedAt
    if (age < 2 * freshFor && isComplete(registrations)) {
      // A captured token can be sent again and again, so it needs a permit for failed calls, unless a call is in progress.
      // `maxAge` 0 comes from the application.
      const needsPermit = caller === 'logout' && maxAge > 0 && !running
      if (age < maxAge || (needsPermit && !takeCall.failed())) return registrations
      const refreshed = call().then(
        (found) => {
          if (needsPermit) takeCall.failed(-1)
          return found[0] ? found : registrations
        },
        (error: unknown) => (onError(error), registrations),
      )
      return caller === 'logout' ? refreshed : registrations
    }
    // The client may have been added after this answer. Most providers send a logout only once, so the function is
    // called again now. A call in progress needs no permit.
    return age >= freshFor || caller === 'logout' || running || takeCall[caller]() ? call() : registrations
  }
  return [findAll, use, (iss) => usedAnswers.has(iss)]
}
