import type { LogoutEndpoint, LogoutRequest } from '@bcl/core'
import { readBody } from '@bcl/node'
import type { Context, Env, Handler } from 'hono'
import { answerAndRest, finish } from './finish.js'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** The part of Node's request that this file uses. `@hono/node-server` puts the request into the context. */
interface Incoming {
  headers: Record<string, unknown>
  readableDidRead: boolean
  resume(): unknown
}

function incomingOf({ env }: Context): Incoming | undefined {
  const { incoming } = Object(env) as { incoming?: Incoming }
  return typeof incoming?.readableDidRead === 'boolean' ? incoming : undefined
}

/**
 * Returns the body: an unread stream, or the copy that Hono cached when an earlier middleware read the body. If there
 * is no copy, returns null (T-13).
 */
async function bodyOf({ req }: Context, incoming: Incoming | undefined): Promise<LogoutRequest['body']> {
  // Nobody would read the body of another method, and unread data blocks the connection as soon as its stream exists.
  if (req.method !== 'POST') return null
  if (!req.raw.bodyUsed) {
    // Reads Node's stream, because it is much faster than the Web stream. If the body is encoded, reads the Web stream,
    // because an earlier middleware can have replaced it with a decoded stream.
    const isUntouched = incoming?.readableDidRead === false && incoming.headers['content-encoding'] === undefined
    return isUntouched ? readBody(incoming as never) : req.raw.body
  }
  try {
    // If Hono has cached the form as FormData, its text() would return multipart text.
    return (await req.bodyCache.formData) ?? (await req.text())
  } catch {
    return null
  }
}

/**
 * The endpoint to which the OpenID Provider posts Logout Tokens. Mount the endpoint for all methods. Mount it before
 * `hono/csrf`, and before any other middleware that refuses form POSTs from another site or without a login.
 *
 * @param logout The receiver from `createBackchannelLogout`, or a function that gets the receiver from the context. You can also
 *   mount any other receiver that has `respond`.
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
// oxlint-disable-next-line typescript/no-explicit-any -- Hono has the same default for Env, so the endpoint fits every application
export function backchannelLogout<E extends Env = any>(logout: LogoutSource<E, LogoutEndpoint>): Handler<E> {
  return async (c) => {
    const incoming = incomingOf(c)
    const answer = logoutOf(logout, c).respond({
      method: c.req.method,
      contentType: c.req.header('content-type'),
      authorization: c.req.header('authorization'),
      body: await bodyOf(c, incoming),
    })
    finish(c, () => answerAndRest(answer))
    const { status, headers, body } = await answer
    incoming?.resume() // discards the rest of a refused body, because unread data blocks the connection
    c.res = new Response(body === '' ? null : body, { status, headers })
    // If an earlier middleware has set headers on `c.res`, Hono prefers them to the headers of the new response. So the
    // headers of the answer are set again.
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value)
    return c.res
  }
}
