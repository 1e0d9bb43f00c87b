import type { LogoutRequest } from '@bcl/core'
import type { DefaultContext, DefaultState, Middleware, Request } from 'koa'
import { logoutOf, type LogoutSource } from './logout-source.js'

/** Options of {@link backchannelLogout}. */
export interface BackchannelLogoutEndpointOptions {
  /**
   * The path of the endpoint. Requests with another path pass. The path must match exactly, so a trailing slash counts. Leave
   * the path out if a router chooses the requests.
   *
   * @default the middleware answers every request
   */
  path?: string | undefined
}

/** Where a body parser leaves a body. */
interface ParsedBody {
  rawBody?: LogoutRequest['body']
  body?: LogoutRequest['body']
}

/** The bytes of the request. When reading ends, the rest is discarded: an unread rest would block the connection. */
async function* bytesOf(req: Request['req']): AsyncGenerator<Uint8Array> {
  try {
    yield* req.iterator({ destroyOnReturn: false })
  } finally {
    req.resume()
  }
}

/**
 * The body: the bytes that a parser kept, the stream that nobody has read, or the value that a parser made (T-3). Parsers
 * put them on Koa's request or on Node's request. A serverless platform puts them on Node's request, and its `body` can throw.
 *
 * The parsed value counts only if the stream has been read. For an unknown media type, a parser makes an empty object and does
 * not read the stream.
 */
function bodyOf(request: Request & ParsedBody): LogoutRequest['body'] {
  const req: Request['req'] & ParsedBody = request.req
  try {
    return request.rawBody ?? req.rawBody ?? (req.readableDidRead === false ? bytesOf(req) : (request.body ?? req.body))
  } catch {
    return null
  }
}

/**
 * The endpoint that the OpenID Provider posts Logout Tokens to. Pass it to `app.use` with a `path`, or mount it in a router for
 * all methods. Mount it before CSRF protection and any other middleware that refuses a form POST without a login.
 *
 * @param logout The receiver from `createBackchannelLogout`, or a function that gets the receiver from the context.
 * @throws {TypeError} if `path` does not begin with a slash.
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
    ctx.req.resume() // discards a body that nobody has begun to read
    ctx.set(headers)
    ctx.status = status
    ctx.body = body
  }
}
