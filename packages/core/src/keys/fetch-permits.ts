import { pause } from '../util/timers.js'
import { createTokenBucket, requirePermit, type TokenBucket } from '../util/token-bucket.js'

/**
 * Limits the fetches of the whole process for issuers that a function found and whose keys never verified a signature: 8 at
 * once, then 5 a second (RP-11).
 */
const takeUnprovenFetch = createTokenBucket(8, 0.2)
/** The same for issuers in use. So forged tokens of other issuers do not delay their fetches. */
const takeUsedFetch = createTokenBucket(8, 0.2)

/** The limits of the fetches of one issuer. */
export interface FetchLimits {
  /** Tells whether the issuer is in use. Then its first fetch and its reserved fetches need no permit of the process. */
  isUsed?: () => boolean
  /** The budget of each issuer: its permits for fetches, by `keySetName`. Budgets outlive the JWK Sets (RP-52). */
  budgets?: Map<string, TokenBucket>
}

/**
 * Makes the function that takes the permits for a fetch. If the keys of the issuer are unproven, the fetch also waits for a
 * permit of the whole process.
 *
 * @param longest The longest wait for a permit of the process, in seconds.
 */
export const createFetchPermits =
  (name: string, { isUsed, budgets = new Map<string, TokenBucket>() }: FetchLimits, longest: number) =>
  /**
   * @param isUnproven True if a function found the issuer, and its keys never verified a signature.
   * @param isReserved True for a fetch that needs no permit of the issuer's budget.
   * @throws if there is no permit.
   */
  async (isUnproven: boolean, isFirst: boolean, isReserved?: boolean): Promise<void> => {
    const takeFetch = budgets.get(name) ?? createTokenBucket(4, 15)
    requirePermit(isReserved || takeFetch())
    // An issuer can come into use during the wait.
    for (let wait = 0.05; isUnproven; wait *= 2) {
      const isInUse = isUsed?.()
      if (((isFirst || isReserved) && isInUse) || (isInUse ? takeUsedFetch : takeUnprovenFetch)()) break
      // Gives the permit of the issuer back. Otherwise forged tokens could use up the budget without a fetch (RP-52b).
      if (wait > longest && !isReserved) takeFetch(-1)
      requirePermit(wait <= longest)
      await pause(wait)
    }
    // The map of budgets is bounded. A budget enters the map only when its fetch has all permits, so forged tokens cannot push
    // out other budgets.
    budgets.set(name, takeFetch)
  }
