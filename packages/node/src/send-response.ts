import type { LogoutResponse } from '@bcl/core'
import type { ServerResponse } from 'node:http'

/** Sends the answer of a receiver. Does nothing if the response has been sent already, for example after a time-out. */
export function sendResponse(response: ServerResponse, { status, headers, body }: LogoutResponse): void {
  if (response.headersSent) return
  // Calls `end` in its own statement, because `writeHead` does not return the response on serverless platforms.
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
