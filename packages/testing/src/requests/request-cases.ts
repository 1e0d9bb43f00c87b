import type { BackchannelLogoutErrorCode } from '@bcl/core'
import type { TestIssuer } from '../providers/test-issuer.js'
import { slug } from '../slug.js'
import { encodePart } from '../tokens/compact-jws.js'

/** An HTTP request to a back-channel logout endpoint. */
export interface CaseRequest {
  method: string
  headers?: Record<string, string>
  body?: string
  /** The query string. Append it to the URL of the endpoint. */
  query?: string
}

/** A request, and the status with which the endpoint must answer. */
export interface RequestCase {
  /**
   * The id. It does not change between releases. If a conformance case sends this request, the id of the case is `request/` and
   * this id.
   */
  id: string
  /** The special property of the request, in a few words. */
  name: string
  /** The id of the requirement in docs/requirements.md, for example `RP-3`. */
  requirement: string
  /** The status with which `@bcl/core` answers. */
  status: 200 | 400 | 405 | 413
  /** The error code with which `@bcl/core` refuses the request. Not set if the status is 200. */
  code?: BackchannelLogoutErrorCode
  /** Makes the request with a new Logout Token of `op`. */
  make(op: TestIssuer): Promise<CaseRequest>
}

interface Row extends Pick<RequestCase, 'name' | 'requirement' | 'status'> {
  id?: string
  code?: BackchannelLogoutErrorCode
  claims?: object
  request: (token: string) => CaseRequest
}

type Request = Row['request']

const toCase = (row: Row): RequestCase => {
  const { id, name, requirement, status, code = 'ERR_LOGOUT_REQUEST_INVALID', claims, request } = row
  return {
    id: id ?? slug(name),
    name,
    requirement,
    status,
    ...(status !== 200 && { code }),
    make: async (op) => request(await op.logoutToken(claims)),
  }
}

const accepted = (requirement: string, name: string, request: Request, id?: string): RequestCase =>
  toCase({ ...(id !== undefined && { id }), name, requirement, status: 200, request })

const refused = (
  requirement: string,
  name: string,
  request: Request,
  more: Pick<Row, 'id' | 'code' | 'claims'> = {},
): RequestCase => toCase({ name, requirement, status: 400, request, ...more })

const formType = 'application/x-www-form-urlencoded'

const post = (body: string, contentType: string = formType, headers: Record<string, string> = {}): CaseRequest => ({
  method: 'POST',
  headers: { 'content-type': contentType, ...headers },
  body,
})

/** Makes more parameters for a form, each with a different name. */
const parameters = (count: number): string => Array.from({ length: count }, (_, index) => `&p${index}=1`).join('')

const multipart = (token: string): CaseRequest =>
  post(
    `--form-boundary\r\nContent-Disposition: form-data; name="logout_token"\r\n\r\n${token}\r\n--form-boundary--\r\n`,
    'multipart/form-data; boundary=form-boundary',
  )

const withZeroSignature = (token: string): string => token.replace(/[^.]+$/, encodePart(new Uint8Array(256)))

/** Requests to a back-channel logout endpoint, each with the status of the right answer (RP-1 to RP-5, RP-40 to RP-44). */
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
  accepted(
    'RP-5',
    'an Origin of another site and a cookie',
    (token) => post(`logout_token=${token}`, formType, { origin: 'https://elsewhere.example', cookie: 'session=x' }),
    'a-foreign-Origin-and-a-cookie',
  ),
  refused('RP-3', 'an empty body', () => post('')),
  refused('RP-3', 'no token', () => post('other=1')),
  refused('RP-3', 'an empty token', () => post('logout_token=')),
  refused('RP-3', 'a token with a space before it', (token) => post(`logout_token=+${token}`), {
    code: 'ERR_LOGOUT_TOKEN_INVALID',
  }),
  refused('RP-3', 'two tokens', (token) => post(`logout_token=${token}&logout_token=x`)),
  refused('RP-3', 'two tokens, the wrong one first', (token) => post(`logout_token=x&logout_token=${token}`)),
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
  refused('RP-3', 'JSON that cannot be parsed', () => post('{"logout_token":', 'application/json'), {
    id: 'JSON-that-is-broken',
  }),
  refused('RP-3', 'a multipart form', multipart, { id: 'multipart' }),
  refused('RP-3', 'the media type text/plain', (token) => post(`logout_token=${token}`, 'text/plain'), { id: 'text' }),
  refused('RP-3', 'the token alone as the body', (token) => post(token, 'application/logout+jwt'), {
    id: 'a-token-for-its-body',
  }),
  refused('RP-3', 'a broken form with an unknown charset', () => post('%%%=%&%E0%A4%A', `${formType}; charset=x`), {
    id: 'an-unknown-charset-of-nothing',
  }),
  refused('RP-13', 'a token with a forged signature', (token) => post(`logout_token=${withZeroSignature(token)}`), {
    id: 'a-token-signed-by-nobody',
    code: 'ERR_LOGOUT_TOKEN_SIGNATURE',
  }),
  refused('RP-4', 'a token over 16 KiB', (token) => post(`logout_token=${token}`), {
    code: 'ERR_LOGOUT_TOKEN_INVALID',
    claims: { padding: 'A'.repeat(16 * 1024) },
  }),
  refused('RP-4b', 'more than 100 parameters', (token) => post(`logout_token=${token}${parameters(100)}`)),
  toCase({
    name: 'a body over 64 KiB',
    requirement: 'RP-4',
    status: 413,
    request: (token) => post(`logout_token=${token}&x=${'A'.repeat(64 * 1024)}`),
  }),
  ...['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'].map((method) =>
    toCase({
      name: method,
      requirement: 'RP-3',
      status: 405,
      request: (token) => ({ method, query: `?logout_token=${token}` }),
    }),
  ),
]
