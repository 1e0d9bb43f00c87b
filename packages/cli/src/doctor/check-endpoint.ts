import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import { isLoopback, isPrivate } from '../network/address.js'
import { readAnswer } from '../network/read-answer.js'
import { reasonOf } from '../network/reason-of.js'
import { good, problem, warning, type DoctorFinding } from './finding.js'

/** The remedy for each status that is not the expected 400. */
const remedies: Record<number, string> = {
  401: 'Mount the endpoint in front of the login check. The provider is not signed in. The signature of the token proves who sent it.',
  403: 'Check the path. If it is right, mount the endpoint in front of the CSRF check, origin check or firewall. The provider sends no cookie and no Origin.',
  404: 'Mount the endpoint at this path, or correct the path. A prefix or a base path may be missing.',
  405: 'Mount the endpoint for POST. Another route may have the same path.',
  411: 'Let the proxy pass requests without Content-Length.',
  413: 'Let the proxy and the body parser accept bodies of 64 KiB.',
  415: 'Let the framework parse application/x-www-form-urlencoded, or let it leave the body to the endpoint.',
  429: 'Exclude the endpoint from the rate limit, or raise the limit. The provider sends one request for each session.',
  502: 'The proxy does not reach the application. Check where the proxy sends requests.',
  503: 'The application has not started, or its store is down. Start the application and its store.',
}

const post = (url: string, body: string): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  })

function checkAddress(url: string): DoctorFinding[] {
  if (isLoopback(url)) {
    const what = 'The endpoint is on this machine. Only a provider on this machine can reach it.'
    const remedy =
      'For any other provider, register an https address that the provider can reach, for example the address of a tunnel.'
    return [warning(what, remedy)]
  }
  const isHttps = new URL(url).protocol === 'https:'
  const scheme = isHttps
    ? good('The endpoint uses https.')
    : problem('The endpoint does not use https.', 'Serve the endpoint over https. Most providers refuse plain http.')
  if (!isPrivate(url)) return [scheme]
  const what = 'The endpoint is in a private network. Only a provider in the same network can reach it.'
  return [scheme, warning(what, 'For any other provider, register an address that the provider can reach.')]
}

/** Checks the status of the answer to a bad request. `sent` names the request. */
function checkStatus({ status, headers }: Response, sent: string): DoctorFinding {
  const location = headers.get('location')
  if (status === 400) return good(`The endpoint answers ${sent} with 400, which is right.`)
  if (status >= 300 && status < 400) {
    const target = location === null ? '' : ` to ${location}`
    const remedy =
      'The endpoint itself must answer at this address. Check the login, a slash at the end of the path, and https.'
    return problem(`The endpoint redirects ${sent}${target}. Providers do not follow the redirect.`, remedy)
  }
  if (status < 300) {
    const remedy = 'Check the path, because something else may answer there. Check that the endpoint verifies tokens.'
    return problem(`The endpoint answers ${sent} with ${status}, as if the logout had succeeded.`, remedy)
  }
  const remedy =
    remedies[status] ?? 'Answer 400 to a request without a valid Logout Token. See the log of the application.'
  return problem(`The endpoint answers ${sent} with ${status}, not with 400.`, remedy)
}

/** Checks the headers and the body of a 400 answer. */
async function checkRefusal(response: Response): Promise<DoctorFinding[]> {
  if (response.status !== 400) return []
  const body = await readAnswer(response)
  const isNoStore = /\bno-store\b/i.test(response.headers.get('cache-control') ?? '')
  return [
    isNoStore
      ? good('The answer has Cache-Control: no-store.')
      : warning('The answer lacks Cache-Control: no-store.', 'Set this header, so that no cache stores the answer.'),
    hasError(body)
      ? good('The answer gives a reason in JSON.')
      : warning(
          'The answer is not a JSON object with an error.',
          'Another part of the application may have answered. See the log of the application.',
        ),
  ]
}

function hasError(body: string): boolean {
  try {
    return typeof (JSON.parse(body) as { error?: unknown } | null)?.error === 'string'
  } catch {
    return false
  }
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')

/**
 * Makes an unsigned token that is as long as a real token. So the check also finds a firewall that refuses long forms.
 */
const unsignedToken = (): string => {
  const claims = {
    iss: 'https://unsigned.invalid',
    sub: 'nobody',
    aud: 'nobody',
    iat: 0,
    exp: 0,
    jti: 'none',
    events: { [BACKCHANNEL_LOGOUT_EVENT]: {} },
    padding: 'x'.repeat(900),
  }
  return `${encode({ alg: 'none', typ: 'logout+jwt' })}.${encode(claims)}.`
}

/**
 * Checks the answer to an unsigned token. If the provider has no key for the algorithm of the client, the endpoint may answer
 * 400 to every token.
 */
function checkTokenAnswer(response: Response, hasKeys: boolean): DoctorFinding {
  if (response.status !== 400 || hasKeys) return checkStatus(response, 'an unsigned token')
  return warning(
    'The endpoint answers an unsigned token with 400. This says little, because there is a problem with the keys of the provider.',
    'Correct the provider, and run bcl doctor again.',
  )
}

/**
 * Checks the address of the endpoint. Sends an empty POST and, if the answer is 400, an unsigned token. Both have the headers that a
 * provider sends.
 *
 * @param hasKeys Tells whether the provider has a key for the algorithm of the client.
 */
export async function checkEndpoint(url: string, hasKeys: boolean): Promise<DoctorFinding[]> {
  const findings = checkAddress(url)
  try {
    const empty = await post(url, '')
    findings.push(checkStatus(empty, 'an empty POST'), ...(await checkRefusal(empty)))
    if (empty.status !== 400) return findings
  } catch (error) {
    const remedy = 'Start the application. Check the address, its name in DNS, the certificate and the firewall.'
    return [...findings, problem(`The endpoint cannot be reached: ${reasonOf(error)}.`, remedy)]
  }
  try {
    const unsigned = await post(url, `logout_token=${unsignedToken()}`)
    findings.push(checkTokenAnswer(unsigned, hasKeys))
  } catch (error) {
    const remedy =
      'The endpoint answered an empty POST. Check whether a firewall or a proxy refuses forms of this size.'
    findings.push(problem(`The endpoint does not answer a token of 1.5 KB: ${reasonOf(error)}.`, remedy))
  }
  return findings
}
