import type { TestProvider } from '../../providers/test-provider.js'

/** Sends a request to the application under test: `fetch`, or a function that calls a handler. It must not follow redirects. */
export type FetchLike = (url: string, init: RequestInit) => Response | Promise<Response>

interface Cookie {
  name: string
  value: string
  host: string
  path: string
}

/** The next request of a browser. */
interface Step {
  method: 'GET' | 'POST'
  url: URL
  body?: string
}

/** A small browser with cookies, redirects and forms that submit themselves. It runs no scripts. */
export interface Browser {
  /**
   * Opens a URL. Follows redirects and self-submitting forms. Resolves to the status and the URL of the last page. Rejects after
   * 20 pages.
   */
  visit(url: string): Promise<{ status: number; url: string }>
  /** Sends one request with the current cookies and returns the status. Ignores cookies in the answer. */
  look(url: string): Promise<number>
  /** Returns another browser with the same cookies. */
  copy(): Browser
  /** Returns the cookies that the browser sends to an address, each as `name=value`. */
  cookiesFor(url: string): string[]
  /** Stores a cookie, written as in `Set-Cookie`, for the host of an address. */
  setCookie(cookie: string, url: string): void
}

const maxSteps = 20

/** The headers of a browser when a user opens a URL. Some applications refuse other requests. */
const navigationHeaders = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
  'sec-fetch-user': '?1',
  'upgrade-insecure-requests': '1',
}

/** Tells whether the path of a cookie covers the path of a URL (RFC 6265, 5.1.4). */
const pathMatches = (cookiePath: string, pathname: string): boolean =>
  pathname === cookiePath || pathname.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`)

function unescapeHtml(text: string): string {
  const characters = new Map(Object.entries({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }))
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return characters.get(name) ?? whole
    const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
    return code > 0x10ffff ? whole : String.fromCodePoint(code)
  })
}

/**
 * Returns the request of a form that a script submits at once (`response_mode=form_post`). Returns `undefined` if the page has no
 * such form.
 */
function formStep(page: string, from: URL): Step | undefined {
  if (!page.includes('document.forms[0].submit()')) return undefined
  const action = /<form\b[^>]*\baction="([^"]*)"/.exec(page)?.[1]
  if (action === undefined) return undefined
  const inputs = page.matchAll(/<input\b[^>]*\bname="([^"]*)"[^>]*\bvalue="([^"]*)"/g)
  const fields = [...inputs].map(([, name, value]): [string, string] => [unescapeHtml(name!), unescapeHtml(value!)])
  return { method: 'POST', url: new URL(unescapeHtml(action), from), body: String(new URLSearchParams(fields)) }
}

function redirectStep({ status, headers }: Response, from: URL): Step | undefined {
  const location = headers.get('location')
  return location === null || status < 300 || status > 399 ? undefined : { method: 'GET', url: new URL(location, from) }
}

/**
 * Creates a browser. It sends requests for URLs of the issuer to `provider`, and all other requests to `fetch`.
 *
 * @param jar The cookies that the browser has at first. @default none
 * @example
 * ```ts
 * import { createBrowser, createTestProvider } from '@bcl/testing'
 *
 * const provider = await createTestProvider({ issuer: 'http://127.0.0.1:4000' })
 * const browser = createBrowser(fetch, provider)
 * browser.setCookie(provider.createSession({ sub: 'alice', sid: 'session-1' }), provider.op.issuer)
 * ```
 */
export function createBrowser(fetch: FetchLike, provider: TestProvider, jar: readonly Cookie[] = []): Browser {
  let cookies = [...jar]
  const providerBase = `${provider.op.issuer.replace(/\/$/, '')}/`

  const cookiesFor = (url: URL): string[] =>
    cookies
      .filter(({ host, path }) => host === url.hostname && pathMatches(path, url.pathname))
      .sort((one, other) => other.path.length - one.path.length)
      .map(({ name, value }) => `${name}=${value}`)

  const storeCookie = (line: string, url: URL): void => {
    const [pair = '', ...attributes] = line.split(/;\s*/)
    const attribute = (name: string): string | undefined =>
      attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
    const name = pair.slice(0, pair.indexOf('=')).trim()
    const path = attribute('path') ?? '/'
    const [maxAge, expires] = [attribute('max-age'), attribute('expires')]
    const isExpired = maxAge === undefined ? Date.parse(expires ?? '') <= Date.now() : Number(maxAge) <= 0
    cookies = cookies.filter((old) => old.name !== name || old.host !== url.hostname || old.path !== path)
    if (!isExpired) cookies.push({ name, value: pair.slice(pair.indexOf('=') + 1), host: url.hostname, path })
  }

  const request = async ({ method, url, body }: Step): Promise<Response> => {
    const headers = new Headers(navigationHeaders)
    // The page of the provider submits this form to another site.
    if (method === 'POST') headers.set('sec-fetch-site', 'cross-site')
    const cookie = cookiesFor(url).join('; ')
    if (cookie) headers.set('cookie', cookie)
    if (body !== undefined) headers.set('content-type', 'application/x-www-form-urlencoded')
    const init: RequestInit = { method, headers, redirect: 'manual', ...(body !== undefined && { body }) }
    return url.href.startsWith(providerBase) ? provider.handle(new Request(url, init)) : fetch(url.href, init)
  }

  return {
    async visit(address) {
      let step: Step = { method: 'GET', url: new URL(address) }
      for (let steps = 0; steps < maxSteps; steps += 1) {
        const response = await request(step)
        for (const line of response.headers.getSetCookie()) storeCookie(line, step.url)
        const page = await response.text()
        const next = redirectStep(response, step.url) ?? formStep(page, step.url)
        if (!next) return { status: response.status, url: step.url.href }
        step = next
      }
      throw new Error(`${address} leads to more than ${maxSteps} redirects`)
    },
    async look(address) {
      const response = await request({ method: 'GET', url: new URL(address) })
      await response.text()
      return response.status
    },
    cookiesFor: (address) => cookiesFor(new URL(address)),
    copy: () => createBrowser(fetch, provider, cookies),
    setCookie(cookie, address) {
      storeCookie(cookie, new URL(address))
    },
  }
}
