import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { buffer } from 'node:stream/consumers'

const hasNoBody = (status: number): boolean => [204, 205, 304].includes(status)

async function toResponse(incoming: IncomingMessage): Promise<Response> {
  const { statusCode: status = 500, statusMessage, headersDistinct } = incoming
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value)
  const body = await buffer(incoming)
  const init = { status, headers, ...(statusMessage && { statusText: statusMessage }) }
  return new Response(hasNoBody(status) ? null : new Uint8Array(body), init)
}

/**
 * Sends a request with exactly the given headers. Does not follow redirects. Does not use `fetch`, because the `fetch`
 * of Node.js adds `Sec-Fetch-Mode: cors`. Providers do not send this header, and browsers that open a page send `navigate`.
 */
export function sendAsWritten(url: string, { method = 'GET', headers, body, signal }: RequestInit): Promise<Response> {
  const request = url.startsWith('https:') ? requestHttps : requestHttp
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      headers: Object.fromEntries(new Headers(headers)),
      // Uses a new connection for each request, because the server may close a reused connection during the request.
      agent: false,
      ...(signal && { signal }),
    })
    outgoing.once('response', (incoming) => toResponse(incoming).then(resolve, reject))
    outgoing.once('error', reject)
    outgoing.end(body as string | undefined)
  })
}
