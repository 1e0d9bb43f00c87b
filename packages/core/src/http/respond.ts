import { readText, type ByteStream } from '../util/read-text.js'
import { asLogoutError, BackchannelLogoutError, describe, type BackchannelLogoutErrorCode } from '../errors.js'
import { defined } from '../util/objects.js'
import { isFunction, isText } from '../util/options.js'
import type { Receiving } from '../receive/receive.js'
import { runGuarded } from '../util/run-guarded.js'
import { withTimeout } from '../util/with-timeout.js'

/** The largest body of a request, in bytes (RP-4). */
const maxBody = 64 * 1024
/** The time-out for reading the body, in seconds (RP-4). */
const bodyTime = 5
/** The largest number of form parameters (RP-4). */
const maxParameters = 100

/** Reads the body as text. Resolves to `undefined` if the body is longer than `limit` bytes. */
export type BodyReader = (limit: number) => Promise<string | undefined>

/** A request to the endpoint, from any framework. */
export interface LogoutRequest {
  /** The HTTP method, in capitals. */
  method: string
  /** The `Content-Type` header. */
  contentType: string | null | undefined
  /** The `Authorization` header. A Logout Token does not need this header. Receivers of other tokens can check it. */
  authorization?: string | null | undefined
  /** The raw text, a form or object from a body parser, an unread byte stream, or a function that reads the text. */
  body: string | Uint8Array | ByteStream | BodyReader | URLSearchParams | FormData | object | null | undefined
}

/** The answer to a request. Send it unchanged. */
export interface LogoutResponse {
  status: number
  headers: Record<string, string>
  /** JSON, or empty. */
  body: string
}

/** Anything that answers requests to the endpoint. An adapter can mount it. */
export interface LogoutEndpoint {
  /** Answers a request from any framework. Never rejects. */
  respond(request: LogoutRequest): Promise<LogoutResponse>
}

/**
 * One record for each request to the endpoint, for logs and metrics. The library puts no token, `sub` or `sid` into the record.
 * But the `cause` of `error` can be an error of a listener, of `destroySession` or of a key function, with any content.
 */
export interface LogoutDelivery {
  /** `'replayed'` means that the logout was carried out before, and that the answer is 200. */
  outcome: 'logged_out' | 'replayed' | 'refused' | 'failed'
  /** The reason, if the request was refused or failed. */
  code?: BackchannelLogoutErrorCode
  /** The {@link BackchannelLogoutError}, if the request was refused or failed. */
  error?: unknown
  /** `iss`, `clientIds` and `jti` are set only if the token was verified. */
  iss?: string
  /** The client registrations that accepted the token. */
  clientIds?: readonly string[]
  jti?: string
  /** Milliseconds. */
  durationMs: number
}

/**
 * The error for a wrong request, for example a request without a token or with a large body. The error has an HTTP
 * status.
 */
export const requestError = (status: number, part: string, cause?: unknown): BackchannelLogoutError =>
  Object.assign(new BackchannelLogoutError('ERR_LOGOUT_REQUEST_INVALID', `${part} is refused`, { cause }), { status })

/**
 * Reads a body that is text, bytes, a stream or a function. Returns `undefined` for an object from a body parser. Rejects if
 * the body is larger than 64 KiB, or if reading takes more than 5 seconds. Then up to 16 MiB of the stream are
 * still read and discarded, because unread data blocks the connection, and a proxy may use the same connection for the provider's
 * next request.
 */
export function readBody(body: LogoutRequest['body']): Promise<string> | undefined {
  const isWhole = typeof body === 'string' || body instanceof Uint8Array
  const isReader = isFunction(body)
  if (!(isWhole || isReader || Symbol.asyncIterator in Object(body))) return undefined
  return withTimeout(bodyTime, async () => {
    const text = isReader
      ? await (body as BodyReader)(maxBody)
      : await readText(isWhole ? [body] : (body as ByteStream), maxBody, true)
    if (text === undefined) throw requestError(413, 'size')
    return text
  })
}

/** Makes an answer. Its headers tell caches not to store the answer. */
export const answer = (status: number, body: string): LogoutResponse => ({
  status,
  headers: {
    'cache-control': 'no-store',
    ...(body && { 'content-type': 'application/json' }),
    ...(status === 405 && { allow: 'POST' }),
    ...(status === 503 && { 'retry-after': '5' }),
  },
  body,
})

/**
 * Reads the Logout Token from a form (RP-1 to RP-4). The form must contain exactly one Logout Token. The form is
 * text, bytes, a stream, a function, or an object from a body parser.
 */
async function readToken(request: LogoutRequest): Promise<string> {
  if (request.method !== 'POST') throw requestError(405, 'method')
  const { contentType, body } = request
  let form = Object(body) as object
  // Reads the body also if its media type is wrong, because unread data blocks the connection.
  const text = await readBody(body)
  if (!/^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType!)) throw requestError(400, 'media type')
  if (text !== undefined) {
    // Counts the parameters before the text is parsed, because 64 KiB can hold tens of thousands of parameters.
    if (text.split('&', maxParameters + 1).length > maxParameters) throw requestError(400, 'number of parameters')
    form = new URLSearchParams(text)
  }
  let count = 0
  let size = 0
  let token: string | undefined
  for (const [name, value] of (Symbol.iterator in form ? form : Object.entries(form)) as Iterable<[string, unknown]>) {
    // A body parser puts parameters of the same name into a list or an object.
    count += typeof value === 'object' ? Object.keys(Object(value)).length : 1
    if (count > maxParameters) throw requestError(400, 'number of parameters')
    size += name.length + (isText(value) ? value.length : 0)
    if (/^logout_token($|\[)/.test(name)) {
      if (token || name !== 'logout_token' || !isText(value)) throw requestError(400, 'logout_token')
      token = value
    }
  }
  if (size > maxBody) throw requestError(413, 'size')
  if (token) return token
  throw requestError(400, 'logout_token')
}

/**
 * Makes the function that answers requests. This function checks the method, the media type and the size. It also chooses
 * the status of the answer. It never rejects.
 */
export const createRespond =
  (
    receive: (logoutToken: string) => Receiving,
    unavailableStatus: number,
    onDelivery: ((delivery: LogoutDelivery) => void) | undefined,
  ) =>
  async (request: LogoutRequest): Promise<LogoutResponse> => {
    const startedAt = performance.now()
    let run: Receiving | undefined
    let outcome: LogoutDelivery['outcome']
    let status = 200
    let body = ''
    let error: (BackchannelLogoutError & { status?: number }) | undefined
    try {
      run = receive(await readToken(request))
      outcome = (await run.result).replayed ? 'replayed' : 'logged_out'
    } catch (reason) {
      error =
        run || reason instanceof BackchannelLogoutError
          ? asLogoutError('the logout', reason)
          : requestError(400, 'body', reason)
      const { code } = error
      // The token is not the cause of these failures, so the provider may send the token again (RP-41).
      const isOutage = code === 'ERR_LOGOUT_KEYS_UNAVAILABLE' || code === 'ERR_LOGOUT_FAILED'
      outcome = isOutage ? 'failed' : 'refused'
      status = isOutage ? unavailableStatus : (error.status ?? 400)
      body = JSON.stringify({
        error: isOutage ? 'temporarily_unavailable' : 'invalid_request',
        error_description: describe(error),
      })
    }
    if (onDelivery) {
      const { iss, clientIds, jti } = run?.token ?? {}
      runGuarded(() =>
        onDelivery(
          defined({
            outcome,
            code: error?.code,
            error,
            iss,
            clientIds,
            jti,
            durationMs: performance.now() - startedAt,
          }) as LogoutDelivery,
        ),
      )
    }
    return answer(status, body)
  }

/** Answers a Web-standard `Request` with `respond`. */
export async function handleWith(
  respond: (request: LogoutRequest) => Promise<LogoutResponse>,
  request: Request,
): Promise<Response> {
  const { body, ...init } = await respond({
    method: request.method,
    contentType: request.headers.get('content-type'),
    authorization: request.headers.get('authorization'),
    // A getter, because some servers prepare the body at the first access, and then wait until somebody has read it.
    get body() {
      return request.bodyUsed ? null : request.body
    },
  })
  return new Response(body || null, init)
}
