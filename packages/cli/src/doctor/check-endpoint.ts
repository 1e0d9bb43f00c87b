import { good, isLoopback, isPrivate, problem, warning, type DoctorFinding } from './finding.js'
import { reasonOf } from '../network/reach.js'

const remedies: Record<number, string> = {
  401: 'Mount the endpoint before whatever asks for a login: the provider has none, its signature is its proof.',
  403: 'Mount the endpoint before the CSRF check, firewall or origin check: the provider sends no cookie and no Origin.',
  404: 'Mount the endpoint at this path, or correct the path; a prefix or base path may be missing.',
  405: 'Mount the endpoint for POST; another route may have this path.',
  411: 'A proxy wants Content-Length: let it pass bodies as they come.',
  413: 'A proxy or parser takes no body of this size: allow 64 KiB.',
  415: 'Have application/x-www-form-urlencoded parsed, or leave the body to the endpoint.',
  429: 'Leave the endpoint out of the rate limit, or make room: one user may have many sessions.',
  502: 'The proxy does not reach the application: see where it sends requests.',
  503: 'The application is not up, or its store is down.',
}

const probe = (url: string, body: string): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
    redirect: 'manual',
    signal: AbortSignal.timeout(10_000),
  })

function checkAddress(url: string): DoctorFinding[] {
  if (isLoopback(url)) {
    const what = 'The endpoint is on this machine: only a provider on it can reach it.'
    return [warning(what, 'For a provider elsewhere, register an https address that it reaches; a tunnel will do.')]
  }
  const isHttps = new URL(url).protocol === 'https:'
  const found = isHttps
    ? good('The endpoint is https.')
    : problem('The endpoint is not https.', 'Serve it by https: providers refuse plain http, or should.')
  if (!isPrivate(url)) return [found]
  const what = 'The endpoint is in a private network: only a provider in it can reach it.'
  return [found, warning(what, 'For a provider elsewhere, register an address that it reaches.')]
}

function checkStatus({ status, headers }: Response, sent: string): DoctorFinding {
  const location = headers.get('location')
  if (status === 400) return good(`The endpoint answers ${sent} with 400, as it must.`)
  if (status >= 300 && status < 400) {
    const to = location === null ? '' : ` to ${location}`
    const remedy = 'Answer at this address itself: before the login, with the right slash at its end, by https.'
    return problem(`The endpoint redirects ${sent}${to}, which providers do not follow.`, remedy)
  }
  if (status < 300) {
    const remedy = 'Something else answers here, a page for one: see the path, and that tokens are verified.'
    return problem(`The endpoint answers ${sent} with ${status}, as if it had logged somebody out.`, remedy)
  }
  const remedy = remedies[status] ?? 'Answer 400 to what is no Logout Token; see the log of the application.'
  return problem(`The endpoint answers ${sent} with ${status}, not 400.`, remedy)
}

async function checkAnswer(response: Response): Promise<DoctorFinding[]> {
  if (response.status !== 400) return []
  const body = await response.text()
  const isNoStore = /\bno-store\b/i.test(response.headers.get('cache-control') ?? '')
  return [
    isNoStore
      ? good('Its answer has Cache-Control: no-store.')
      : warning('Its answer lacks Cache-Control: no-store.', 'Set it, so that no answer is kept in between.'),
    hasError(body)
      ? good('Its answer says why, in JSON.')
      : warning(
          'Its answer is not JSON with an error.',
          'Another part of the application may have answered: see its log.',
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

/** Looks at the endpoint, as a provider would see it. */
export async function checkEndpoint(url: string): Promise<DoctorFinding[]> {
  const found = checkAddress(url)
  try {
    const empty = await probe(url, '')
    found.push(checkStatus(empty, 'an empty POST'), ...(await checkAnswer(empty)))
    if (empty.status !== 400) return found
    const forged = await probe(url, 'logout_token=eyJhbGciOiJub25lIn0.e30.')
    found.push(checkStatus(forged, 'a token that nobody signed'))
  } catch (error) {
    const remedy = 'Start the application; see the address, the name in DNS, the certificate and the firewall.'
    found.push(problem(`The endpoint cannot be reached: ${reasonOf(error)}.`, remedy))
  }
  return found
}
