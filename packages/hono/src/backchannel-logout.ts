import type { LogoutRequest } from '@bcl/core'
import type { Context, Env, Handler } from 'hono'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** What is used of Node's own request, which `@hono/node-server` puts into the context. */
interface Incoming {
  headers: Record<string, unknown>
  readableDidRead: boolean
  iterator(options: { destroyOnReturn: boolean }): AsyncIterable<Uint8Array>
  resume(): unknown
}

function incomingOf({ env }: Context): Incoming | undefined {
  const { incoming } = Object(env) as { incoming?: Incoming }
  return typeof incoming?.readableDidRead === 'boolean' ? incoming : undefined
}

/** The body wherever it is: still to be read, read and kept by an earlier middleware, or read and gone (T-13). */
async function bodyOf(c: Context): Promise<LogoutRequest['body']> {
  const { req } = c
  if (!req.raw.bodyUsed) {
    // A Web stream made of Node's is much slower than that. What is encoded somebody may have decoded on the way.
    const incoming = incomingOf(c)
    const isAsSent = incoming?.readableDidRead === false && incoming.headers['content-encoding'] === undefined
    return isAsSent ? incoming.iterator({ destroyOnReturn: false }) : req.raw.body
  }
  try {
    // Of a form that it keeps, Hono's text() would make multipart.
    return (await req.bodyCache.formData) ?? (await req.text())
  } catch {
    return null
  }
}

/**
 * The endpoint that the OpenID Provider posts Logout Tokens to. Mount it for all methods, before `hono/csrf` and
 * anything else that turns away a form without a login.
 *
 * @param logout What `createBackchannelLogout` made, or a function of the context that gives it.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest OpenID Connect Back-Channel Logout 1.0, 2.5}
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { backchannelLogout } from '@bcl/hono'
 * import { Hono } from 'hono'
 * import { csrf } from 'hono/csrf'
 *
 * declare const logout: BackchannelLogout
 *
 * const app = new Hono()
 * app.all('/backchannel-logout', backchannelLogout(logout))
 * app.use(csrf())
 * ```
 */
// oxlint-disable-next-line typescript/no-explicit-any -- Hono's own default for Env: it fits every application
export function backchannelLogout<E extends Env = any>(logout: LogoutSource<E>): Handler<E> {
  return async (c) => {
    const { status, headers, body } = await logoutOf(logout, c).respond({
      method: c.req.method,
      contentType: c.req.header('content-type'),
      body: await bodyOf(c),
    })
    incomingOf(c)?.resume() // what is left of a refused body must not block the connection
    // Also there: what an earlier middleware has set on c.res is put over the headers of what a handler returns.
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value)
    return new Response(body === '' ? null : body, { status, headers })
  }
}
