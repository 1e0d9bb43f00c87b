/** Work in progress. */
export interface Flight<T> {
  result: Promise<T>
  /** When it counts as lost: milliseconds of `performance.now()`. */
  until: number
}

/** Callers that come while work is in progress share its result. */
export interface SingleFlight<F extends Flight<unknown>> {
  /** Joins the work in progress under this key, or starts it. */
  run(work: (flight: F) => F['result'], key?: string): F
  /** The work in progress under this key. */
  get(key?: string): F | undefined
  /** Waits until all work in progress has ended. */
  settled(): Promise<unknown>
}

/**
 * Makes a group of shared work.
 *
 * @param seconds After this time, work counts as lost. Some runtimes end timers and fetches together with the request that
 *   began them. Then the promise never settles.
 */
export function singleFlight<F extends Flight<unknown>>(seconds: number): SingleFlight<F> {
  const flights = new Map<string, F>()
  const get = (key = ''): F | undefined => {
    const flight = flights.get(key)
    if (flight && performance.now() < flight.until) return flight
    flights.delete(key)
    return undefined
  }
  return {
    get,
    settled: () => Promise.allSettled([...flights.values()].map(({ result }) => result)),
    run(work, key = '') {
      const shared = get(key)
      if (shared) return shared
      // Removes lost work, the oldest first.
      for (const oldest of flights.keys()) if (get(oldest)) break
      const flight = { until: performance.now() + seconds * 1000 } as F
      flight.result = work(flight).finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      })
      flights.set(key, flight)
      return flight
    },
  }
}
