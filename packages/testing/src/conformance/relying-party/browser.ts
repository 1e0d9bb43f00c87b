import type { TestProvider } from '../../providers/test-provider.js'

/** Sends a request to the application under test, redirects not followed: `fetch`, or what hands it to a handler. */
export type FetchLike = (url: string, init: RequestInit) => Response | Promise<Response>

interface Cookie {
  name: string
  value: string
  host: string
  path: string
}

interface Step {
  method: 'GET' | 'POST'
  url: URL
  body?: string
}

/** As much of a browser as a sign-in needs. */
export interface Browser {
  /** Follows redirects and self-submitting forms to a page, and gives its status and address. */
  visit(url: string): Promise<{ status: number; url: string }>
  /** The status of one request with the cookies of now, which it leaves as they are. */
  look(url: string): Promise<number>
  /** Another browser with the same cookies: somebody kept them. */
  copy(): Browser
  /** Sets a cookie, as `name=value`, for the host of an address. */
  setCookie(pair: string, url: string): void
}

const maxSteps = 20

const covers = (path: string, pathname: string): boolean =>
  pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)

function unescapeHtml(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return named[name] ?? whole
    return String.fromCodePoint(decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal))
  })
}

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

/** Makes a browser. What goes to the provider is handed to it; all else goes through `send`. */
export function createBrowser(send: FetchLike, provider: TestProvider, jar: readonly Cookie[] = []): Browser {
  let cookies = [...jar]
  const providerBase = `${provider.op.issuer.replace(/\/$/, '')}/`

  const cookiesFor = (url: URL): string =>
    cookies
      .filter(({ host, path }) => host === url.hostname && covers(path, url.pathname))
      .sort((one, other) => other.path.length - one.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')

  const remember = (line: string, url: URL): void => {
    const [pair = '', ...attributes] = line.split(/;\s*/)
    const attribute = (name: string): string | undefined =>
      attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
    const name = pair.slice(0, pair.indexOf('=')).trim()
    const path = attribute('path') ?? '/'
    const [maxAge, expires] = [attribute('max-age'), attribute('expires')]
    const isOver = maxAge === undefined ? Date.parse(expires ?? '') <= Date.now() : Number(maxAge) <= 0
    cookies = cookies.filter((old) => old.name !== name || old.host !== url.hostname || old.path !== path)
    if (!isOver) cookies.push({ name, value: pair.slice(pair.indexOf('=') + 1), host: url.hostname, path })
  }

  const request = async ({ method, url, body }: Step): Promise<Response> => {
    const headers = new Headers({ accept: 'text/html,*/*;q=0.8' })
    const cookie = cookiesFor(url)
    if (cookie) headers.set('cookie', cookie)
    if (body !== undefined) headers.set('content-type', 'application/x-www-form-urlencoded')
    const init: RequestInit = { method, headers, redirect: 'manual', ...(body !== undefined && { body }) }
    return url.href.startsWith(providerBase) ? provider.handle(new Request(url, init)) : send(url.href, init)
  }

  return {
    async visit(address) {
      let step: Step = { method: 'GET', url: new URL(address) }
      for (let steps = 0; steps < maxSteps; steps += 1) {
        const response = await request(step)
        for (const line of response.headers.getSetCookie()) remember(line, step.url)
        const page = await response.text()
        const next = redirectStep(response, step.url) ?? formStep(page, step.url)
        if (!next) return { status: response.status, url: step.url.href }
        step = next
      }
      throw new Error(`${address} leads nowhere: more than ${maxSteps} redirects`)
    },
    async look(address) {
      const response = await request({ method: 'GET', url: new URL(address) })
      await response.text()
      return response.status
    },
    copy: () => createBrowser(send, provider, cookies),
    setCookie(pair, address) {
      remember(pair, new URL(address))
    },
  }
}
