import type { Context } from 'hono'

/** The part of Node's request that this package uses. `@hono/node-server` puts the request into the context. */
export interface Incoming {
  headers: Record<string, unknown>
  readableDidRead: boolean
  resume(): unknown
}

/** Returns Node's request, or `undefined` on other runtimes. */
export function incomingOf({ env }: Context): Incoming | undefined {
  const { incoming } = Object(env) as { incoming?: Incoming }
  return typeof incoming?.readableDidRead === 'boolean' ? incoming : undefined
}
