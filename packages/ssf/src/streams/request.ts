import { isAllowed, isObject, readText, requireOption, withTimeout, type JSONObject } from '@bcl/core/kit'

/** The largest answer that is read from a transmitter or an authorization server, in bytes. */
const defaultMaxBytes = 1024 * 1024
/**
 * The largest number of quotes, commas and opening brackets in an answer. In the answer to a poll, a token needs five of them. A
 * transmitter can send more tokens than it was asked for, so this is enough for nearly 10,000 tokens.
 */
const maxParts = 50_000
/**
 * The time-out of the work that {@link inTurn} runs, in seconds. This work is one request with its retry, or the requests that
 * look for the metadata at each possible address.
 */
const requestTime = 10

/**
 * The transmitter answered a request with an error status or with a wrong body: a body that is not a JSON object, that is
 * larger than 1 MiB (in a poll, 16 MiB), or that has 50,000 quotes, commas and opening brackets.
 */
export class StreamRequestError extends Error {
  override readonly name: string = 'StreamRequestError'
  /** The HTTP status of the answer. If `createStream` gets 409, a stream already exists. */
  readonly status: number

  constructor(message: string, status: number) {
    super(message)
    this.status = status
  }
}

/**
 * An access token for a transmitter, or a function that gets it. If the transmitter refuses the token, the function is called
 * again with `true`, and must get a new token.
 */
export type AccessToken = string | ((isRefused?: boolean) => string | Promise<string>)

/** Gets a token. `isRefused` is true if the transmitter refused the last token. */
export const tokenOf = async (token: AccessToken, isRefused?: boolean): Promise<string> =>
  typeof token === 'function' ? token(isRefused) : token

/** The options for requests to one transmitter. */
export interface RequestOptions {
  /** The issuer of the transmitter. */
  transmitter: string
  accessToken: AccessToken
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
  signal?: AbortSignal | undefined
  /** The largest answer, in bytes. @default 1 MiB */
  maxBytes?: number | undefined
}

/** For each transmitter, a promise that settles when its last request ends. */
const last = new Map<string, Promise<unknown>>()

/**
 * Runs work after all earlier work for the same transmitter, so a transmitter gets one request at a time. The work has a
 * time-out, because an application's `fetch` can ignore its signal.
 */
export function inTurn<T>(transmitter: string, work: () => Promise<T>): Promise<T> {
  const previous = last.get(transmitter)
  const end = (): void => {}
  // The wait has a time-out. On some runtimes, a fetch ends together with the incoming request that began it. Then the
  // promise of the fetch never settles.
  const run = withTimeout(requestTime, async () => previous)
    .catch(end)
    .then(() => withTimeout(requestTime, work))
  last.set(transmitter, run.then(end, end))
  return run
}

/**
 * Returns a URL that a transmitter, an authorization server or an option names.
 *
 * @param path The name of the URL in the error.
 * @throws {TypeError} if requests to the URL are not allowed. The error does not show a password in the URL.
 */
export function allowedUrl(
  url: unknown,
  issuer: string,
  allowInsecureRequests: boolean | undefined,
  path = 'URL',
): URL {
  const text = String(url)
  // A remote server must not name an `http:` address on this machine. An issuer with `http:` counts as local.
  requireOption(isAllowed(text, allowInsecureRequests, issuer.startsWith('http:')), path, 'is not allowed', text)
  return new URL(text)
}

/**
 * Reads an answer as text. Returns `undefined` if the answer is too large or has too many values, and an empty text if it has no
 * body.
 */
export const textOf = async ({ body }: Response, maxBytes = defaultMaxBytes): Promise<string | undefined> => {
  const text = await readText(body ?? [], maxBytes)
  // Counts the values before the text is parsed. With millions of small values, `JSON.parse` would block the process for seconds.
  return text?.split(/["[{,]/, maxParts).length === maxParts ? undefined : text
}

/**
 * Sends one request with the access token. Waits for earlier requests to the same transmitter.
 *
 * @param streamId The stream, if the URL must name it.
 * @returns the JSON object of the answer. It is empty if the answer has no body.
 */
export async function send(
  options: RequestOptions,
  method: string,
  endpoint: unknown,
  body?: JSONObject,
  streamId?: string,
): Promise<JSONObject> {
  const { transmitter, accessToken, signal } = options
  const target = allowedUrl(endpoint, transmitter, options.allowInsecureRequests)
  if (streamId !== undefined) target.searchParams.set('stream_id', streamId)
  const url = target.href
  const request = async (isRefused = false): Promise<JSONObject> => {
    const token = await tokenOf(accessToken, isRefused)
    const authorization = `Bearer ${token}`.trim()
    // For a wrong header, `fetch` would show the token in its error.
    requireOption(/^[ -~]+$/.test(authorization), 'accessToken', 'must be printable ASCII')
    const timeout = AbortSignal.timeout(requestTime * 1000)
    const response = await (options.fetch ?? fetch)(url, {
      method,
      headers: {
        accept: 'application/json',
        authorization,
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body ? JSON.stringify(body) : null,
      redirect: 'manual',
      signal: AbortSignal.any([signal ?? timeout, timeout]),
    })
    const text = await textOf(response, options.maxBytes)
    // A transmitter can revoke a token before it expires. So a refused token is replaced once.
    if (response.status === 401 && !isRefused && token !== accessToken) return request(true)
    try {
      const json: unknown = response.ok && JSON.parse(text === '' ? '{}' : text!)
      if (isObject(json)) return json
    } catch {
      // The answer is no JSON, or too large. The error is thrown below.
    }
    const wrong = text === undefined ? 'answer is too large' : 'no JSON object'
    const problem = response.ok ? wrong : `status ${response.status}`
    throw new StreamRequestError(`${method} ${url}: ${problem}`, response.status)
  }
  return inTurn(transmitter, request)
}
