import type { LogoutRequest } from '@bcl/core'
import type { Context, Env, Handler, HonoRequest } from 'hono'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Bytes of a body that are asked for at once, where its length is known. */
const most = 64 * 1024

/** Read when it is asked for, so that whoever asks bounds its time; what cannot be read is an error then. */
async function* textOf(req: HonoRequest): AsyncGenerator<string> {
  yield await req.text()
}

/** The body wherever it is: still to be read, read and kept by an earlier middleware, or read and gone (T-13). */
async function bodyOf({ req }: Context): Promise<LogoutRequest['body']> {
  // Of a form that it keeps, Hono's text() would make multipart.
  if (req.raw.bodyUsed) return (await Promise.resolve(req.bodyCache.formData).catch(() => null)) ?? textOf(req)
  // No server reads beyond what Content-Length says, and text is had much faster than a stream.
  return Number(req.header('content-length')) <= most ? textOf(req) : req.raw.body
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
    // Also there: what an earlier middleware has set on c.res is put over the headers of what a handler returns.
    for (const [name, value] of Object.entries(headers)) c.res.headers.set(name, value)
    return new Response(body === '' ? null : body, { status, headers })
  }
}
