import { isAllowed, isObject, isText, readText, withTimeout, type JSONObject } from '@bcl/core/kit'

/** The largest answer that is read from a transmitter or an authorization server, in bytes. */
const maxBytes = 1024 * 1024
/**
 * The time-out of the work that {@link inTurn} runs, in seconds. This work is one request with its retry, or the requests that
 * look for the metadata at each possible address.
 */
const requestTime = 10

/**
 * The transmitter answered a request with an error status or with a wrong body: a body that is not a JSON object, or that is
 * larger than 1 MiB.
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

/** @throws {TypeError} if a transmitter or an authorization server names an address that is not allowed. */
export function requireAllowed(
  url: unknown,
  issuer: string,
  allowInsecureRequests: boolean | undefined,
): asserts url is string {
  // A remote server must not name an `http:` address on this machine. An issuer with `http:` counts as local.
  if (!isText(url) || !isAllowed(url, allowInsecureRequests, issuer.startsWith('http:')))
    throw new TypeError(`${url} is not allowed`)
}

/** Reads an answer as text. Returns `undefined` if the answer is too large, and an empty text if it has no body. */
export const textOf = ({ body }: Response): Promise<string | undefined> => readText(body ?? [], maxBytes)

/**
 * Sends one request with the access token. Waits for earlier requests to the same transmitter.
 *
 * @returns the JSON object of the answer. It is empty if the answer has no body.
 */
export async function send(
  options: RequestOptions,
  method: string,
  url: unknown,
  body?: JSONObject,
): Promise<JSONObject> {
  const { transmitter, accessToken, signal } = options
  requireAllowed(url, transmitter, options.allowInsecureRequests)
  const request = async (isRefused = false): Promise<JSONObject> => {
    const token = await tokenOf(accessToken, isRefused)
    const timeout = AbortSignal.timeout(requestTime * 1000)
    const response = await (options.fetch ?? fetch)(url, {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body ? JSON.stringify(body) : null,
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    })
    const text = await textOf(response)
    // A transmitter can revoke a token before it expires. So a refused token is replaced once.
    if (response.status === 401 && !isRefused && token !== accessToken) return request(true)
    if (response.ok && text === '') return {}
    try {
      const json: unknown = response.ok && text && JSON.parse(text)
      if (isObject(json)) return json
    } catch {
      // The error is thrown below.
    }
    const problem = response.ok ? 'no JSON object' : `status ${response.status}`
    throw new StreamRequestError(`${method} ${url}: ${problem}`, response.status)
  }
  return inTurn(transmitter, request)
}
