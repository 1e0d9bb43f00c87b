import type { LogoutRequest } from '@bcl/core'
import type { DefaultContext, DefaultState, Middleware, Request } from 'koa'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link backchannelLogout}. */
export interface BackchannelLogoutEndpointOptions {
  /**
   * The path to answer at, compared as it is; other requests go on. Leave it out where a router chooses the requests.
   *
   * @default every request is answered
   */
  path?: string | undefined
}

interface Parsed {
  rawBody?: LogoutRequest['body']
  body?: LogoutRequest['body']
}

/** The stream, of which what is left flows away where reading ends: it must not block the connection. */
async function* bytesOf(req: Request['req']): AsyncGenerator<Uint8Array> {
  try {
    yield* req.iterator({ destroyOnReturn: false })
  } finally {
    req.resume()
  }
}

/**
 * The body wherever it is (T-3): parsers leave it on Koa's request or on Node's, as platforms of functions do, whose
 * `body` may throw. What was made of it counts only once the stream has been read: of a media type that they do not
 * know, parsers make an empty object and leave the stream alone.
 */
function bodyOf(request: Request & Parsed): LogoutRequest['body'] {
  const req: Request['req'] & Parsed = request.req
  try {
    return request.rawBody ?? req.rawBody ?? (req.readableDidRead === false ? bytesOf(req) : (request.body ?? req.body))
  } catch {
    return null
  }
}

/**
 * The endpoint that the OpenID Provider posts Logout Tokens to: for a router, mounted for all methods, or for
 * `app.use` with a `path`. Mount it before CSRF protection and anything else that turns away a form without a login.
 *
 * @param logout What `createBackchannelLogout` made, or a function of the context that gives it.
 * @throws {TypeError} when `path` does not begin with a slash.
 * @see {@link https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRequest OpenID Connect Back-Channel Logout 1.0, 2.5}
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { backchannelLogout } from '@bcl/koa'
 * import Koa from 'koa'
 *
 * declare const logout: BackchannelLogout
 *
 * const app = new Koa()
 * app.use(backchannelLogout(logout, { path: '/backchannel-logout' }))
 * ```
 */
export function backchannelLogout<StateT = DefaultState, ContextT = DefaultContext>(
  logout: LogoutSource<StateT, ContextT>,
  { path }: BackchannelLogoutEndpointOptions = {},
): Middleware<StateT, ContextT> {
  if (path !== undefined && !path.startsWith('/')) throw new TypeError('path must begin with a slash')
  return async (ctx, next) => {
    if (path !== undefined && ctx.path !== path) return next()
    const { status, headers, body } = await logoutOf(logout, ctx).respond({
      method: ctx.method,
      contentType: ctx.headers['content-type'],
      body: bodyOf(ctx.request),
    })
    ctx.req.resume() // of a body that nobody began to read
    ctx.set(headers)
    ctx.status = status
    ctx.body = body
  }
}
