import { blindTo, formRequest, noStore, omit, withStatus, type Faults } from './fault-tools.ts'

async function readJson(request: Request): Promise<Record<string, string>> {
  const text = await request.clone().text()
  try {
    return JSON.parse(text) as Record<string, string>
  } catch {
    return {}
  }
}

/** Reads the form of a request, or returns `undefined` if the request has no form. */
async function readForm(request: Request): Promise<URLSearchParams | undefined> {
  const isForm = request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded')
  return request.method === 'POST' && isForm ? new URLSearchParams(await request.clone().text()) : undefined
}

/** Takes the token from a place where no receiver may look for it. */
const takingFrom = (find: (request: Request) => string | null | undefined | Promise<string | null | undefined>) => ({
  async request(request: Request) {
    if ((await readForm(request))?.get('logout_token')) return request
    const token = await find(request)
    return token ? formRequest(request.url, { logout_token: token }) : request
  },
})

/** Takes one of several tokens in a form. */
const takingOneOfSeveral = (index: number) => ({
  async request(request: Request) {
    const tokens = (await readForm(request))?.getAll('logout_token') ?? []
    return tokens.length < 2 ? request : formRequest(request.url, { logout_token: tokens.at(index)! })
  },
})

/** Faults in the reading of the request. */
export const requestFaults: Faults = {
  'accepts any method': {
    fault: () =>
      takingFrom(({ method, url }) => (method === 'POST' ? null : new URL(url).searchParams.get('logout_token'))),
    failing: ['request/GET', 'request/PUT', 'request/DELETE', 'request/PATCH'],
  },
  'accepts a token in the query string': {
    fault: () =>
      takingFrom(({ method, url }) => (method === 'POST' ? new URL(url).searchParams.get('logout_token') : null)),
    failing: ['request/a-token-only-in-the-query-string'],
  },
  'prefers a token in the query string': {
    fault: () => ({
      async request(request) {
        const token = new URL(request.url).searchParams.get('logout_token')
        return (await readForm(request))?.has('logout_token') && token
          ? formRequest(request.url, { logout_token: token })
          : request
      },
    }),
    failing: ['request/a-query-string'],
  },
  'accepts a token in an Authorization header': {
    fault: () => takingFrom(({ headers }) => headers.get('authorization')?.slice('Bearer '.length)),
    failing: ['request/a-token-only-in-an-Authorization-header'],
  },
  'accepts any media type': {
    fault: () =>
      takingFrom(async (request) => {
        const [type] = request.headers.get('content-type')?.split(';') ?? []
        if (type === 'application/json') return (await readJson(request))['logout_token']
        if (type === 'multipart/form-data') return (await request.clone().formData()).get('logout_token') as string
        const body = await request.clone().text()
        if (type === 'text/plain') return new URLSearchParams(body).get('logout_token')
        return type === 'application/logout+jwt' ? body : null
      }),
    failing: ['request/JSON', 'request/multipart', 'request/text', 'request/a-token-for-its-body'],
  },
  'accepts other names of the parameter': {
    fault: () =>
      takingFrom(async (request) => {
        const fields = [...((await readForm(request)) ?? [])]
        return fields.find(([name]) => /^logout_?token(?:\[\w*\])?$/i.test(name))?.[1]
      }),
    failing: [
      'request/brackets-after-the-name-logout-token',
      'request/a-key-after-the-name-logout-token-a',
      'request/the-name-in-capitals-Logout-Token',
      'request/another-name-logoutToken-WSO2-5-5-to-5-8',
    ],
  },
  'answers 500 to a body that it cannot parse': {
    fault: () => ({
      async request(request) {
        const isJson = request.headers.get('content-type') === 'application/json'
        const isUnknownCharset = request.headers.get('content-type')?.endsWith('charset=x')
        return isUnknownCharset || (isJson && Object.keys(await readJson(request)).length === 0)
          ? new Response(null, { status: 500, headers: noStore })
          : request
      },
    }),
    failing: ['request/JSON-that-is-broken', 'request/an-unknown-charset-of-nothing'],
  },
  'does not decode percent-encoding': {
    fault: () => ({
      async request(request) {
        const text = request.method === 'POST' ? await request.clone().text() : ''
        return text.includes('%2E') ? formRequest(request.url, text.replaceAll('%', '%25')) : request
      },
    }),
    failing: ['request/a-percent-encoded-token'],
  },
  'refuses requests with an Origin': {
    fault: () => ({
      request: (request) =>
        request.headers.has('origin') ? new Response(null, { status: 403, headers: noStore }) : request,
    }),
    failing: ['request/a-foreign-Origin-and-a-cookie'],
  },
  'answers 500 to other methods': {
    fault: () => ({
      answer: (response) => (response.status === 405 ? withStatus(response, 500) : response),
    }),
    failing: ['request/GET', 'request/PUT', 'request/DELETE', 'request/PATCH'],
  },
  'uses the first of several tokens': {
    fault: () => takingOneOfSeveral(0),
    failing: ['request/two-tokens', 'request/the-same-token-twice'],
  },
  'uses the last of several tokens': {
    fault: () => takingOneOfSeveral(-1),
    failing: ['request/two-tokens-the-wrong-one-first', 'request/the-same-token-twice'],
  },
  'compares the media type byte for byte': {
    fault: () => ({
      request: (request) =>
        request.headers.get('content-type') === 'application/x-www-form-urlencoded' || request.method !== 'POST'
          ? request
          : new Request(request.url, { method: 'POST', body: 'other' }),
    }),
    failing: ['request/a-media-type-with-a-charset', 'request/a-media-type-in-capitals'],
  },
  'refuses unknown parameters': {
    fault: () => ({
      async request(request) {
        if (request.method !== 'POST') return request
        const names = [...new URLSearchParams(await request.clone().text()).keys()]
        return names.length > 1 ? new Request(request.url, { method: 'POST', body: 'x=1' }) : request
      },
    }),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout', 'request/further-parameters'],
  },
  'does not limit the size of a body': {
    fault: () => ({
      async request(request) {
        const text = await request.clone().text()
        const token = new URLSearchParams(text).get('logout_token')
        if (text.length < 1024 * 1024 || token === null) return request
        return new Request(request.url, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })
      },
    }),
    failing: ['request/a-body-over-a-mebibyte'],
  },
  'does not limit the size of a token': {
    fault: () => ({
      // The long tokens of the conformance cases have one long claim.
      receive: blindTo(
        (claims) => 'padding' in claims,
        (claims) => omit(claims, 'padding'),
      ),
    }),
    failing: ['request/a-token-over-16-KiB', 'refuse/more-than-16-KiB'],
  },
}
