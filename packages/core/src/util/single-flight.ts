import { monotonicNow } from './clock.js'
import { withTimeout } from './with-timeout.js'

/** A piece of work in progress. Callers share its result. */
export interface Flight<T> {
  result: Promise<T>
  /** The work counts as lost after this time, in monotonic seconds. Then nobody joins it or waits for it. */
  until: number
}

/** Callers that arrive while work is in progress share the result of that work. */
export interface SingleFlight<F extends Flight<unknown>> {
  /**
   * Joins the work in progress under this key. If there is none, starts the work. A new object as the key starts work
   * that nobody joins.
   */
  run(work: (flight: F) => F['result'], key?: unknown): F
  /** The work in progress under this key. */
  get(key?: unknown): F | undefined
  /** The number of pieces of work in progress. */
  size(): number
  /** Waits until all work in progress has ended or counts as lost. */
  settled(): Promise<unknown>
}

/**
 * @param seconds After this time, work counts as lost. On some runtimes, timers and fetches end together with the request
 *   that began them. Then the promise never settles.
 */
export function singleFlight<F extends Flight<unknown>>(seconds: number): SingleFlight<F> {
  const flights = new Map<unknown, F>()
  const get = (key: unknown = ''): F | undefined => {
    const flight = flights.get(key)
    if (flight && monotonicNow() < flight.until) return flight
    flights.delete(key)
    return undefined
  }
  const size = (): number => {
    // Removes lost work, the oldest first.
    for (const oldest of flights.keys()) if (get(oldest)) break
    return flights.size
  }
  const start = async (key: unknown, flight: F, work: (flight: F) => F['result']): Promise<unknown> => {
    try {
      return await work(flight)
    } finally {
      if (flights.get(key) === flight) flights.delete(key)
    }
  }
  return {
    get,
    size,
    settled: () =>
      Promise.allSettled(
        [...flights.values()].map(({ result, until }) => withTimeout(until - monotonicNow(), () => result)),
      ),
    run(work, key = '') {
      const shared = get(key)
      if (shared) return shared
      size()
      const flight = { until: monotonicNow() + seconds } as F
      flights.set(key, flight)
      flight.result = start(key, flight, work)
      return flight
    },
  }
}
