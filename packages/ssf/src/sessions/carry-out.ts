import type { BackchannelLogout, LogoutStore } from '@bcl/core'
import { doneKey, expiryFor, monotonicNow, retryUntil, singleFlight, withTimeout, type Flight } from '@bcl/core/kit'
import { failure } from '../events/failure.js'
import { endsByDefault, isStreamEvent, type SecurityEvent } from '../events/security-event.js'
import { findTarget, type TargetOptions } from './target.js'
import type { KnownTransmitter } from '../transmitters/transmitter.js'

/**
 * If an event still runs this many seconds after the time-outs of its callbacks, the event counts as lost. A repeated token and
 * `settled` do not wait for a lost event.
 */
const longest = 20
/**
 * An event that was carried out has a record in the store. This is the longest wait for the read of this record, in seconds.
 * After this time, the sessions end, although it is not known whether the event was carried out before.
 */
const recordTime = 0.2
/** Seconds for which the write of the record is tried again. */
const retryTime = 1.5

export interface CarryOutOptions extends TargetOptions {
  logout: BackchannelLogout
  store: LogoutStore
  endsSessions?: ((event: SecurityEvent) => boolean | undefined) | undefined
  onEvent?: ((event: SecurityEvent) => unknown) | undefined
  now(): number
}

/**
 * Returns the date of the logout (SE-8). The logout ends the sessions that began at this time or earlier. The date is never
 * later than the `iat` of the token.
 */
function dateOf({ values, claims, iat }: SecurityEvent): number {
  const stated = [values['event_timestamp'], claims['toe'], iat].find(Number.isFinite) as number
  return Math.floor(Math.min(stated, iat))
}

export interface CarryOut {
  /**
   * Carries out one event. Resolves to false if the event was already carried out. Rejects if the store or a callback
   * fails.
   *
   * @param audience The audiences of this receiver that the token names.
   */
  carryOut(event: SecurityEvent, transmitter: KnownTransmitter, audience: readonly string[]): Promise<boolean>
  /** Waits for all events in progress. */
  settled(): Promise<unknown>
}

/**
 * Makes the function that carries out each event once (SE-12). This function ends the sessions first, and writes the
 * record last.
 */
export function createCarryOut(options: CarryOutOptions): CarryOut {
  const { logout, store, endsSessions, onEvent, listenerTimeout, now } = options
  const flights = singleFlight<Flight<boolean>>(3 * listenerTimeout + longest)

  const end = async (
    event: SecurityEvent,
    transmitter: KnownTransmitter,
    key: string,
  ): Promise<Pick<SecurityEvent, 'ended' | 'reason'>> => {
    const { type, jti, claims } = event
    const isEnding =
      !isStreamEvent(type) && ((await withTimeout(listenerTimeout, () => endsSessions?.(event))) ?? endsByDefault(type))
    const target = isEnding ? await findTarget(event, transmitter, options) : 'type'
    if (typeof target === 'string') return { ended: 'nothing', reason: target }
    const { iss, sub, sid } = target
    const date = dateOf(event)
    const origin = { source: 'security-event', key, jti, events: claims['events'] as object, claims } as const
    if (sid) await logout.endSession({ iss, sub, sid, iat: date }, origin)
    else await logout.endAllSessions({ iss, sub: sub!, before: date }, origin)
    return { ended: sid ? 'session' : 'all' }
  }

  const work = async (event: SecurityEvent, transmitter: KnownTransmitter, key: string): Promise<boolean> => {
    const isDone = async (): Promise<boolean> => (await store.values([key]))[0]!.length > 0
    const done = isDone()
    if (await withTimeout(recordTime, () => done).catch(() => false)) return false
    const effect = await end(event, transmitter, key)
    // If the record was not read in time, it is used now: `onEvent` is not called for an event that was carried out before.
    if (await done.catch(isDone)) return false
    await withTimeout(listenerTimeout, () => onEvent?.({ ...event, ...effect }))
    const expiresAt = expiryFor(event.iat, now(), transmitter.maxTokenAge + transmitter.clockTolerance)
    await retryUntil(monotonicNow() + retryTime, async () => store.add(key, '1', expiresAt))
    return true
  }

  return {
    carryOut(event, transmitter, audience) {
      // The transmitter, `jti`, type and audience identify an event. Another application with the same store has another audience. A
      // retry may have a new `iat`.
      const key = doneKey({ iss: event.transmitter, jti: event.jti, iat: 0, sub: audience.join() }, event.type)
      return flights.run(
        () =>
          work(event, transmitter, key).catch((error: unknown) => {
            throw failure('the event', error)
          }),
        key,
      ).result
    },
    settled: flights.settled,
  }
}
