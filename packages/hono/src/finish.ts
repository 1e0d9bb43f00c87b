import type { Context } from 'hono'
import { incomingOf } from './incoming.js'

/**
 * Returns the work. On Cloudflare Workers, also makes the runtime finish the work if the client disconnects. Otherwise, a cut
 * connection would stop the work. A logout could be lost, and later requests could wait for a fetch that never ends.
 */
export function finish<T>(c: Context, work: Promise<T>): Promise<T> {
  // Node.js finishes the work by itself. The failed lookup below would be slow there.
  if (incomingOf(c)) return work
  try {
    c.executionCtx.waitUntil(work.catch(() => {}))
  } catch {
    // Bun and Deno have no execution context. They finish the work by themselves.
  }
  return work
}
