import type { BackchannelLogout, LogoutRequest } from '@bcl/core'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** The bytes of the request. When reading ends, the rest is discarded: an unread rest would block the connection. */
async function* bytesOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* request.iterator({ destroyOnReturn: false })
  } finally {
    request.resume()
  }
}

/**
 * The body (T-3). A serverless platform that runs Nest may have read the stream and left the body on the request. It may also
 * parse the body in a getter that throws.
 */
function bodyOf(
  request: IncomingMessage & { rawBody?: LogoutRequest['body']; body?: LogoutRequest['body'] },
): LogoutRequest['body'] {
  try {
    return request.rawBody ?? (request.readableDidRead === false ? bytesOf(request) : request.body)
  } catch {
    return null
  }
}

/** Answers a request directly, before Nest handles it. */
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
  request.resume() // discards a body that nobody has begun to read
  if (response.headersSent) return
  // Two statements: on serverless platforms, `writeHead` does not return the response.
  response.writeHead(status, { ...headers, 'content-length': body.length })
  response.end(body)
}
