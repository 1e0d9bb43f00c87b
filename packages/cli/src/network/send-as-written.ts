import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'

/** The largest answer that is read, in bytes. An answer can be a page of the application. */
const maxBytes = 16 * 1024 * 1024

const hasNoBody = (status: number): boolean => [204, 205, 304].includes(status)

async function readBody(incoming: IncomingMessage): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) throw new Error('the answer is larger than 16 MiB')
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

async function toResponse(incoming: IncomingMessage): Promise<Response> {
  const { statusCode: status = 500, statusMessage, headersDistinct } = incoming
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value)
  const body = await readBody(incoming)
  const init = { status, headers, ...(statusMessage && { statusText: statusMessage }) }
  return new Response(hasNoBody(status) ? null : body, init)
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
