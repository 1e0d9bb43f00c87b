import type { LogoutEndpoint, LogoutRequest, LogoutResponse } from '@bcl/core'
import type { IncomingMessage } from 'node:http'
import { readBody } from './read-body.js'

/** The members in which body parsers and serverless platforms store the body. */
interface ParsedBody {
  rawBody?: unknown
  body?: unknown
}

/**
 * Returns the body: the raw bytes from a parser, the unread stream, or the parsed value (T-3).
 *
 * Empty raw bytes do not count. A middleware that collects the body can begin with an empty text, and call the next middleware
 * before the first chunk arrives.
 *
 * The parsed value counts only if the stream has been read. For an unknown media type, a parser makes an empty object
 * and does not read the stream. On a serverless platform, `body` can be a getter that throws. Nitro (Nuxt) makes a request there
 * whose stream has ended before anything was read.
 */
function bodyOf(request: IncomingMessage & ParsedBody, parsed: ParsedBody): LogoutRequest['body'] {
  try {
    const { rawBody = request.rawBody } = parsed
    const isUnread = request.readableDidRead === false && !request.readableEnded
    const isEmpty = (Object(rawBody) as { length?: number }).length === 0
    if (rawBody && !isEmpty) return rawBody
    if (isUnread) return readBody(request)
    const body = parsed.body ?? request.body
    return (body instanceof ArrayBuffer ? new Uint8Array(body) : body) as LogoutRequest['body']
  } catch {
    return null
  }
}

/**
 * Passes a request of `node:http` to the receiver and resolves to the answer. Never rejects. Adapters for frameworks use this
 * function and send the answer with the framework.
 *
 * After the answer, this function discards the rest of the body, because unread data blocks the connection.
 *
 * @param logout The receiver from `createBackchannelLogout`, or another object with the same `respond`.
 * @param parsed The request of the framework. Pass it if body parsers store the body in the framework's request.
 * @example
 * ```ts
 * import type { BackchannelLogout } from '@bcl/core'
 * import { respondTo, sendResponse } from '@bcl/node'
 * import { createServer } from 'node:http'
 *
 * declare const logout: BackchannelLogout
 *
 * createServer(async (request, response) => {
 *   sendResponse(response, await respondTo(logout, request))
 * })
 * ```
 */
export async function respondTo(
  logout: LogoutEndpoint,
  request: IncomingMessage,
  parsed: object = request,
): Promise<LogoutResponse> {
  const answer = await logout.respond({
    method: request.method!,
    contentType: request.headers['content-type'],
    authorization: request.headers.authorization,
    body: bodyOf(request, parsed),
  })
  request.resume()
  return answer
}
