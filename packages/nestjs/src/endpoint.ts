import type { BackchannelLogout, LogoutRequest } from '@bcl/core'
import type { IncomingMessage, ServerResponse } from 'node:http'

/**
 * The body wherever it is (T-3): what runs Nest, a platform of functions say, may have read it, or may parse it only
 * when it is asked for, and throw then.
 */
function bodyOf(
  request: IncomingMessage & { rawBody?: LogoutRequest['body']; body?: LogoutRequest['body'] },
): LogoutRequest['body'] {
  try {
    if (request.rawBody !== undefined) return request.rawBody
    return request.readableDidRead === false ? request.iterator({ destroyOnReturn: false }) : request.body
  } catch {
    return null
  }
}

/** Answers a request past all of Nest. */
export async function answer(
  logout: BackchannelLogout,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, headers, body } = await logout.respond({
    method: request.method!,
    contentType: request.headers['content-type'],
    body: bodyOf(request),
  })
  request.resume() // what is left of a refused body must not block the connection
  if (response.headersSent) return
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body)
}
