import { createBackchannelLogout, type LogoutStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'

/** Counts round trips. A call that starts before the answer to an earlier call belongs to the same round trip. */
export interface RoundTrips {
  /** Makes a call as part of the current round trip. */
  call<T>(work: () => T | PromiseLike<T>): Promise<T>
  /** Returns the number of round trips of `work`. */
  of(work: () => Promise<unknown>): Promise<number>
}

export function countRoundTrips(): RoundTrips {
  let trips = 0
  let answered: Promise<void> | undefined
  let calls: Promise<unknown>[] = []
  /** Answers all calls of a round trip together. So later calls belong to the next round trip. */
  const send = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve))
    trips += 1
    answered = undefined
    const sent = calls
    calls = []
    await Promise.allSettled(sent)
  }
  return {
    async call(work) {
      answered ??= send()
      const all = answered
      const result = Promise.resolve().then(work)
      calls.push(result)
      await all
      return result
    },
    async of(work) {
      const before = trips
      await work()
      return trips - before
    },
  }
}

/** Returns the round trips of each operation. The calls of the store must go through `call`. */
export async function roundTripsOf(store: LogoutStore, { of }: RoundTrips): Promise<Record<string, number>> {
  const op = await createTestIssuer()
  const destroyed: string[] = []
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    sessionMaxAge: 3600,
    store,
    destroySession: (id) => destroyed.push(id),
  })
  const time = op.now()
  const session = op.session({ sid: 'a', sub: 'alice', iat: time })
  const token = (iat: number): Promise<string> => op.logoutToken({ sid: 'a', sub: 'alice', iat })
  // The first add also deletes expired entries, so it is not counted.
  await logout.endSession({ iss: op.issuer, sid: 'warm', iat: time })
  const [first, second, third] = [await token(time - 2), await token(time - 1), await token(time)]
  const trips = {
    check: await of(() => logout.isLoggedOut(session)),
    logout: await of(() => logout.receive(first)),
    'logout that supersedes markers': await of(() => logout.receive(second)),
    'the same Logout Token again': await of(() => logout.receive(second)),
    trackSession: await of(() => logout.trackSession(session, 'id')),
    'logout that ends a tracked session': await of(() => logout.receive(third)),
    endSession: await of(() => logout.endSession({ iss: op.issuer, sid: 'b', iat: time })),
  }
  if (destroyed.join() !== 'id') throw new Error('the tracked session was not destroyed')
  await logout.close()
  return trips
}
