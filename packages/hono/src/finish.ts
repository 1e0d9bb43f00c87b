import type { LogoutResponse } from '@bcl/core'
import type { Context } from 'hono'

/** Milliseconds. The time-outs of the store, of listeners and of a fetch of keys are at most this long by default. */
const timeForTheRest = 5000
/** Milliseconds. An answer that came sooner did not come by a time-out, so no work goes on. */
const shortestTimeOut = 500
/** The largest number of requests that are held at the same time. So forged tokens cannot fill the memory. */
const maxHeld = 100
let held = 0

/**
 * Makes Cloudflare Workers finish this work, even if the client disconnects. Otherwise, Workers stop the work of a request together
 * with its connection. Then a logout could be lost, and later requests that share a fetch with this request would fail. Other
 * runtimes finish the work by themselves, so there, this function does nothing.
 */
export function finish(c: Context, work: () => Promise<unknown>): void {
  if (globalThis.navigator?.userAgent !== 'Cloudflare-Workers') return
  try {
    c.executionCtx.waitUntil(work().catch(() => {}))
  } catch {
    // The application called `app.fetch` without the context.
  }
}

/** Resolves with the answer, or later if the answer came by a time-out, because then the work behind the answer goes on. */
export async function answerAndRest(answer: Promise<LogoutResponse>): Promise<void> {
  const startedAt = performance.now()
  const { status, body } = await answer
  const isFailure = status === 503 || body.includes('temporarily_unavailable')
  if (!isFailure || performance.now() - startedAt < shortestTimeOut || held >= maxHeld) return
  held += 1
  await new Promise((resolve) => setTimeout(resolve, timeForTheRest))
  held -= 1
}
