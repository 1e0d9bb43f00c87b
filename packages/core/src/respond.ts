import { readText, type ByteStream } from './bytes.js'
import { defined } from './compact.js'
import { asLogoutError, BackchannelLogoutError, type BackchannelLogoutErrorCode } from './errors.js'
import { isText } from './options.js'
import type { Run } from './receive.js'
import { tell, within } from './time.js'

/** The largest body that is read, in bytes (RP-4), and the seconds it may take to come. */
const maxBody = 64 * 1024
const bodyTime = 5

/**
 * A request to the endpoint, whatever framework it came through. `body` is raw text, the form that a parser made of
 * it, or a byte stream that nobody has read.
 */
export interface LogoutRequest {
  method: string
  /** The `Content-Type` header. */
  contentType: string | null | undefined
  body: string | Uint8Array | ByteStream | URLSearchParams | FormData | object | null | undefined
}

/** The answer to it, to be sent as it is. */
export interface LogoutResponse {
  status: number
  headers: Record<string, string>
  /** JSON, or empty. */
  body: string
}

/** One record for each request to the endpoint, for logs and metrics. It holds no token and no name of a user. */
export interface LogoutDelivery {
  outcome: 'logged_out' | 'replayed' | 'refused' | 'failed'
  /** Why it was refused or failed. */
  code?: BackchannelLogoutErrorCode
  error?: unknown
  /** Known only once the token is verified, as are `clientId` and `jti`. */
  iss?: string
  clientId?: string
  jti?: string
  /** Milliseconds. */
  durationMs: number
}

/** Our own outages: the sender may try again (RP-41). */
const outages = new Set<BackchannelLogoutErrorCode>(['ERR_LOGOUT_KEYS_UNAVAILABLE', 'ERR_LOGOUT_FAILED'])

/** A request that is refused before its token is looked at, with a status of its own. */
const refused = (status: number, problem: string, cause?: unknown): BackchannelLogoutError =>
  Object.assign(new BackchannelLogoutError('ERR_LOGOUT_REQUEST_INVALID', problem, cause ? { cause } : {}), { status })

/** Reads text that came as such, as bytes or as a stream; anything else is left as it is. */
async function readForm(body: LogoutRequest['body']): Promise<unknown> {
  const isWhole = typeof body === 'string' || body instanceof Uint8Array
  const stream = isWhole ? [body] : Symbol.asyncIterator in Object(body) ? (body as ByteStream) : undefined
  if (!stream) return body
  const text = await within(bodyTime, 'the body', () => readText(stream, maxBody)).catch((error: unknown) => {
    throw refused(400, 'body could not be read', error)
  })
  if (text === undefined) throw refused(413, 'body is too large')
  return new URLSearchParams(text)
}

/** The one Logout Token of a form (RP-2, RP-3), whatever made a form of it. */
function tokenOf(form: unknown): string {
  const isParsed = form instanceof URLSearchParams || form instanceof FormData
  const entries: [string, unknown][] = isParsed ? [...form] : Object.entries(Object(form))
  const size = entries.reduce((sum, [name, value]) => sum + name.length + (isText(value) ? value.length : 0), 0)
  if (size > maxBody) throw refused(413, 'form is too large')
  const tokens = entries.filter(([name]) => /^logout_token(?:$|\[)/.test(name))
  const [name, token] = tokens[0] ?? []
  if (tokens.length !== 1 || name !== 'logout_token' || !isText(token)) {
    throw refused(400, 'form has no logout_token, or several')
  }
  return token
}

async function readToken({ method, contentType, body }: LogoutRequest): Promise<string> {
  if (method !== 'POST') throw refused(405, 'method is not POST')
  const mediaType = String(contentType).split(';', 1)[0]!.trim().toLowerCase()
  if (mediaType !== 'application/x-www-form-urlencoded') throw refused(400, 'media type is not that of a form')
  return tokenOf(await readForm(body))
}

/** Makes the HTTP face of `receive`: it decides method, media type, sizes, status and headers, and never throws. */
export function createRespond(
  receive: (logoutToken: string) => Run,
  unavailableStatus: number,
  onDelivery: ((delivery: LogoutDelivery) => void) | undefined,
): (request: LogoutRequest) => Promise<LogoutResponse> {
  const noStore = { 'cache-control': 'no-store' }

  const answer = (error: BackchannelLogoutError & { status?: number }, isOutage: boolean): LogoutResponse => {
    const status = isOutage ? unavailableStatus : (error.status ?? 400)
    return {
      status,
      headers: {
        ...noStore,
        'content-type': 'application/json',
        ...(status === 405 && { allow: 'POST' }),
        ...(status === 503 && { 'retry-after': '5' }),
      },
      body: JSON.stringify({
        error: isOutage ? 'temporarily_unavailable' : 'invalid_request',
        error_description: error.code.slice(4).toLowerCase().replaceAll('_', ' '),
      }),
    }
  }

  return async (request) => {
    const startedAt = performance.now()
    let run: Run | undefined
    let error: BackchannelLogoutError | undefined
    let replayed = false
    try {
      const token = await readToken(request).catch((reason: unknown) => {
        throw reason instanceof BackchannelLogoutError ? reason : refused(400, 'request could not be read', reason)
      })
      run = receive(token)
      ;({ replayed } = await run.event)
    } catch (reason) {
      error = asLogoutError('the request could not be handled', reason)
    }
    const isOutage = error !== undefined && outages.has(error.code)
    const { iss, clientId, jti } = run?.token ?? {}
    const outcome = error ? (isOutage ? 'failed' : 'refused') : replayed ? 'replayed' : 'logged_out'
    const durationMs = performance.now() - startedAt
    tell(onDelivery, [defined({ outcome, code: error?.code, error, iss, clientId, jti, durationMs }) as LogoutDelivery])
    return error ? answer(error, isOutage) : { status: 200, headers: { ...noStore }, body: '' }
  }
}

/** The Web-standard shell around `respond`. */
export async function handleWith(
  respond: (request: LogoutRequest) => Promise<LogoutResponse>,
  request: Request,
): Promise<Response> {
  const { status, headers, body } = await respond({
    method: request.method,
    contentType: request.headers.get('content-type'),
    body: request.bodyUsed ? null : request.body,
  })
  return new Response(body === '' ? null : body, { status, headers })
}
