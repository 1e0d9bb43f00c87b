import type { Context } from 'hono'

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
