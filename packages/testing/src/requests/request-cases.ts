import type { BackchannelLogoutErrorCode } from '@bcl/core'
import type { TestIssuer } from '../providers/test-issuer.js'
import { encodePart } from '../tokens/compact-jws.js'

/** What is sent to an endpoint. */
export interface CaseRequest {
  method: string
  headers?: Record<string, string>
  body?: string
  /** Appended to the endpoint's address. */
  query?: string
}

/** A request to the endpoint, and how it must be answered. */
export interface RequestCase {
  name: string
  /** The requirement it is about, as numbered in docs/requirements.md. */
  requirement: string
  /** The status it must be answered with. */
  status: 200 | 400 | 405 | 413
  /** The code that `@bcl/core` refuses it by, where it does. */
  code?: BackchannelLogoutErrorCode
  make(op: TestIssuer): Promise<CaseRequest>
}

const formType = 'application/x-www-form-urlencoded'

const post = (
  body: string,
  contentType: string | undefined = formType,
  more: Record<string, string> = {},
): CaseRequest => ({
  method: 'POST',
  headers: { ...(contentType === '' ? undefined : { 'content-type': contentType }), ...more },
  body,
})

const sent = (
  status: RequestCase['status'],
  requirement: string,
  name: string,
  make: (token: string) => CaseRequest,
  code: BackchannelLogoutErrorCode = 'ERR_LOGOUT_REQUEST_INVALID',
): RequestCase => ({
  name,
  requirement,
  status,
  ...(status !== 200 && { code }),
  make: async (op) => make(await op.logoutToken()),
})

/** Further parameters of a form, each with another name. */
const parameters = (count: number): string => Array.from({ length: count }, (_, index) => `&p${index}=1`).join('')

const accepted = sent.bind(undefined, 200)
const refused = sent.bind(undefined, 400)

const multipart = (token: string): CaseRequest =>
  post(
    `--form-boundary\r\nContent-Disposition: form-data; name="logout_token"\r\n\r\n${token}\r\n--form-boundary--\r\n`,
    'multipart/form-data; boundary=form-boundary',
  )

/** Requests to the endpoint with the status each must get (RP-1 to RP-5, RP-40 to RP-44). */
export const requestCases: readonly RequestCase[] = [
  accepted('RP-1', 'a form with one Logout Token', (token) => post(`logout_token=${token}`)),
  accepted('RP-1', 'a media type with a charset', (token) =>
    post(`logout_token=${token}`, `${formType}; charset=UTF-8`),
  ),
  accepted('RP-1', 'a media type in capitals', (token) => post(`logout_token=${token}`, formType.toUpperCase())),
  accepted('RP-1', 'a percent-encoded token', (token) => post(`logout_token=${token.replaceAll('.', '%2E')}`)),
  accepted('RP-2', 'further parameters', (token) => post(`ignored_parameter=1&logout_token=${token}&state=&x[y]=z`)),
  accepted('RP-2', 'a query string', (token) => ({
    ...post(`logout_token=${token}`),
    query: '?tenant=a&logout_token=b',
  })),
  accepted('RP-4b', '100 parameters', (token) => post(`logout_token=${token}${parameters(99)}`)),
  accepted('RP-5', 'a foreign Origin and a cookie', (token) =>
    post(`logout_token=${token}`, formType, { origin: 'https://elsewhere.example', cookie: 'session=x' }),
  ),
  refused('RP-3', 'an empty body', () => post('')),
  refused('RP-3', 'no token', () => post('other=1')),
  refused('RP-3', 'an empty token', () => post('logout_token=')),
  refused(
    'RP-3',
    'a token with a space before it',
    (token) => post(`logout_token=+${token}`),
    'ERR_LOGOUT_TOKEN_INVALID',
  ),
  refused('RP-3', 'two tokens', (token) => post(`logout_token=${token}&logout_token=x`)),
  refused('RP-3', 'the same token twice', (token) => post(`logout_token=${token}&logout_token=${token}`)),
  refused('RP-3', 'brackets after the name, logout_token[]', (token) => post(`logout_token[]=${token}`)),
  refused('RP-3', 'logout_token[] beside a token', (token) => post(`logout_token=${token}&logout_token[]=${token}`)),
  refused('RP-3', 'a key after the name, logout_token[a]', (token) => post(`logout_token[a]=${token}`)),
  refused('RP-3', 'the name in capitals, Logout_Token', (token) => post(`Logout_Token=${token}`)),
  refused('RP-3', 'another name, logoutToken (WSO2 5.5 to 5.8)', (token) => post(`logoutToken=${token}`)),
  refused('RP-3', 'a token only in the query string', (token) => ({ ...post('a=1'), query: `?logout_token=${token}` })),
  refused('RP-3', 'a token only in an Authorization header', (token) =>
    post('a=1', formType, { authorization: `Bearer ${token}` }),
  ),
  refused('RP-3', 'JSON', (token) => post(JSON.stringify({ logout_token: token }), 'application/json')),
  refused('RP-3', 'JSON that is broken', () => post('{"logout_token":', 'application/json')),
  refused('RP-3', 'multipart', multipart),
  refused('RP-3', 'text', (token) => post(`logout_token=${token}`, 'text/plain')),
  refused('RP-3', 'a token for its body', (token) => post(token, 'application/logout+jwt')),
  refused('RP-3', 'an unknown charset of nothing', () => post('%%%=%&%E0%A4%A', `${formType}; charset=x`)),
  refused(
    'RP-13',
    'a token signed by nobody',
    (token) => post(`logout_token=${token.replace(/[^.]+$/, encodePart(new Uint8Array(256)))}`),
    'ERR_LOGOUT_TOKEN_SIGNATURE',
  ),
  refused(
    'RP-4',
    'a token over 16 KiB',
    (token) => post(`logout_token=${token}${'A'.repeat(16 * 1024)}`),
    'ERR_LOGOUT_TOKEN_INVALID',
  ),
  refused('RP-4b', 'more than 100 parameters', (token) => post(`logout_token=${token}${parameters(100)}`)),
  sent(413, 'RP-4', 'a body over 64 KiB', (token) => post(`logout_token=${token}&x=${'A'.repeat(64 * 1024)}`)),
  ...['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((method) =>
    sent(405, 'RP-3', method, (token) => ({ method, query: `?logout_token=${token}` })),
  ),
]

/** Says what is wrong with an answer to a case, or nothing (RP-40 to RP-44). */
export function faultOf(
  { status, name }: { status: number; name: string },
  response: Response,
  body: string,
): string | undefined {
  const header = (field: string): string => response.headers.get(field) ?? ''
  if (response.status !== status) return `answered ${response.status}, not ${status}`
  if (!/\bno-store\b/.test(header('cache-control'))) return `answered without cache-control: no-store`
  if (status === 405 && header('allow') !== 'POST') return `answered with allow: ${header('allow')}`
  if (status === 200) return body === '' ? undefined : 'answered 200 with a body'
  if (name === 'HEAD') return undefined
  if (!/^application\/json\b/.test(header('content-type'))) return `answered with ${header('content-type')}`
  const { error, error_description: description } = JSON.parse(body) as Record<string, unknown>
  if (error !== 'invalid_request') return `answered with the error ${String(error)}`
  if (typeof description !== 'string' || !/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/.test(description))
    return 'has no proper error_description'
  return undefined
}
