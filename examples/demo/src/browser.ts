/** The last page of a navigation. The browser follows redirects, and submits forms that a script would submit. */
export interface Page {
  url: string
  status: number
  body: string
}

interface Cookie {
  name: string
  value: string
  host: string
  path: string
}

type Step = { method: 'GET' | 'POST' | 'PUT' | 'DELETE'; url: URL; body?: URLSearchParams | string }

/** A browser that can sign in. Like a real browser, it sends the cookies of a host to every port of that host. */
export function createBrowser(jar: readonly Cookie[] = []) {
  let cookies = [...jar]

  /** Sends one request. Does not follow redirects. */
  async function request({ method, url, body }: Step, headers: Record<string, string> = {}): Promise<Response> {
    const sent = new Headers(headers)
    const cookie = cookiesFor(url)
    if (cookie) sent.set('cookie', cookie)
    if (method !== 'GET') sent.set('origin', url.origin)
    const response = await fetch(url, { method, headers: sent, body: body ?? null, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) remember(line, url)
    return response
  }

  async function visit(first: Step): Promise<Page> {
    let step = first
    for (let steps = 0; steps < 20; steps++) {
      const response = await request(step)
      const body = await response.text()
      const next = redirect(response, step.url) ?? selfSubmittingForm(body, step.url)
      if (!next) return { url: step.url.href, status: response.status, body }
      step = next
    }
    throw new Error(`${first.url.href} leads nowhere: more than 20 redirects`)
  }

  function cookiesFor(url: URL): string {
    return cookies
      .filter(({ host, path }) => host === url.hostname && covers(path, url.pathname))
      .toSorted((a, b) => b.path.length - a.path.length)
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  function remember(line: string, url: URL): void {
    const [pair = '', ...attributes] = line.split(/;\s*/)
    const attribute = (name: string) =>
      attributes.find((text) => text.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
    const cookie = {
      name: pair.slice(0, pair.indexOf('=')),
      value: pair.slice(pair.indexOf('=') + 1),
      host: url.hostname,
      path: attribute('path') ?? '/',
    }
    const maxAge = attribute('max-age')
    const expires = attribute('expires')
    const over = maxAge === undefined ? expires !== undefined && Date.parse(expires) <= Date.now() : Number(maxAge) <= 0
    cookies = cookies.filter((old) => old.name !== cookie.name || old.host !== cookie.host || old.path !== cookie.path)
    if (!over) cookies.push(cookie)
  }

  return {
    get: (url: string) => visit({ method: 'GET', url: new URL(url) }),
    post: (url: string, fields: Record<string, string> = {}) =>
      visit({ method: 'POST', url: new URL(url), body: new URLSearchParams(fields) }),
    /** Sends JSON, as a script of a page does. Does not follow redirects. */
    sendJson: (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, value?: object) =>
      request(
        { method, url: new URL(url), ...(value && { body: JSON.stringify(value) }) },
        { 'content-type': 'application/json' },
      ),
    /** Posts an empty form. Does not follow redirects. */
    submit: (url: string) => request({ method: 'POST', url: new URL(url), body: new URLSearchParams() }),
    /** Returns the response before its body has ended, so that the test can read a stream. */
    fetch: (url: string, headers?: Record<string, string>) => request({ method: 'GET', url: new URL(url) }, headers),
    /** Returns the header `Cookie` of a request to this address. */
    cookiesFor: (url: string) => cookiesFor(new URL(url)),
    /** Returns another browser with a copy of the cookies. */
    copy: () => createBrowser(cookies),
  }
}

function covers(path: string, pathname: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}

function redirect(response: Response, from: URL): Step | undefined {
  const location = response.headers.get('location')
  if (location === null || response.status < 300 || response.status > 399) return undefined
  return { method: 'GET', url: new URL(location, from) }
}

function selfSubmittingForm(html: string, from: URL): Step | undefined {
  if (!html.includes('document.forms[0].submit()')) return undefined
  const action = /<form\b[^>]*\baction="([^"]*)"/.exec(html)?.[1]
  if (action === undefined) return undefined
  const inputs = html.matchAll(/<input\b[^>]*\bname="([^"]*)"[^>]*\bvalue="([^"]*)"/g)
  const fields = Object.fromEntries(
    [...inputs].map(([, name = '', value = '']) => [unescapeHtml(name), unescapeHtml(value)]),
  )
  return { method: 'POST', url: new URL(unescapeHtml(action), from), body: new URLSearchParams(fields) }
}

function unescapeHtml(text: string): string {
  const characters: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
  return text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => characters[name]!)
}
