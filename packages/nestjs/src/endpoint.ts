import type { BackchannelLogout, LogoutRequest } from '@bcl/core'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** The stream, of which what is left flows away where reading ends: it must not block the connection. */
async function* bytesOf(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  try {
    yield* request.iterator({ destroyOnReturn: false })
  } finally {
    request.resume()
  }
}

/**
 * The body wherever it is (T-3): what runs Nest, a platform of functions say, may have read it, or may parse it only
 * when it is asked for, and throw then.
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
  request.resume() // of a body that nobody began to read
  if (response.headersSent) return
  // Not in one: what platforms of functions put in its place gives nothing back.
  response.writeHead(status, { ...headers, 'content-length': body.length })
  response.end(body)
}
