import { noStore, form, status, type Faults } from './fault.ts'

async function json(request: Request): Promise<Record<string, string>> {
  const text = await request.clone().text()
  try {
    return JSON.parse(text) as Record<string, string>
  } catch {
    return {}
  }
}

/** What a form has, or nothing where it is none. */
async function fieldsOf(request: Request): Promise<URLSearchParams | undefined> {
  const isForm = request.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded')
  return request.method === 'POST' && isForm ? new URLSearchParams(await request.clone().text()) : undefined
}

/** Takes a token from where none is to be looked for. */
const takingFrom = (find: (request: Request) => string | null | undefined | Promise<string | null | undefined>) => ({
  async request(request: Request) {
    if ((await fieldsOf(request))?.get('logout_token')) return request
    const token = await find(request)
    return token ? form(request.url, { logout_token: token }) : request
  },
})

export const requestFaults: Faults = {
  'any method is taken': {
    fault: () =>
      takingFrom(({ method, url }) => (method === 'POST' ? null : new URL(url).searchParams.get('logout_token'))),
    found: ['request/GET', 'request/PUT', 'request/DELETE', 'request/PATCH'],
  },
  'a token in the query string is taken': {
    fault: () =>
      takingFrom(({ method, url }) => (method === 'POST' ? new URL(url).searchParams.get('logout_token') : null)),
    found: ['request/a-token-only-in-the-query-string'],
  },
  'a token in the query string is preferred': {
    fault: () => ({
      async request(request) {
        const token = new URL(request.url).searchParams.get('logout_token')
        return (await fieldsOf(request))?.has('logout_token') && token
          ? form(request.url, { logout_token: token })
          : request
      },
    }),
    found: ['request/a-query-string'],
  },
  'a token in an Authorization header is taken': {
    fault: () => takingFrom(({ headers }) => headers.get('authorization')?.slice('Bearer '.length)),
    found: ['request/a-token-only-in-an-Authorization-header'],
  },
  'any media type is taken': {
    fault: () =>
      takingFrom(async (request) => {
        const [type] = request.headers.get('content-type')?.split(';') ?? []
        if (type === 'application/json') return (await json(request))['logout_token']
        if (type === 'multipart/form-data') return (await request.clone().formData()).get('logout_token') as string
        const body = await request.clone().text()
        if (type === 'text/plain') return new URLSearchParams(body).get('logout_token')
        return type === 'application/logout+jwt' ? body : null
      }),
    found: ['request/JSON', 'request/multipart', 'request/text', 'request/a-token-for-its-body'],
  },
  'any name of the parameter is taken': {
    fault: () =>
      takingFrom(async (request) => {
        const fields = [...((await fieldsOf(request)) ?? [])]
        return fields.find(([name]) => /^logout_?token(?:\[\w*\])?$/i.test(name))?.[1]
      }),
    found: [
      'request/brackets-after-the-name-logout-token',
      'request/a-key-after-the-name-logout-token-a',
      'request/the-name-in-capitals-Logout-Token',
      'request/another-name-logoutToken-WSO2-5-5-to-5-8',
    ],
  },
  'a body that cannot be parsed is a fault of the server': {
    fault: () => ({
      async request(request) {
        const isJson = request.headers.get('content-type') === 'application/json'
        const isOdd = request.headers.get('content-type')?.endsWith('charset=x')
        return isOdd || (isJson && Object.keys(await json(request)).length === 0)
          ? new Response(null, { status: 500, headers: noStore })
          : request
      },
    }),
    found: ['request/JSON-that-is-broken', 'request/an-unknown-charset-of-nothing'],
  },
  'percent-encoding is left as it is': {
    fault: () => ({
      async request(request) {
        const text = request.method === 'POST' ? await request.clone().text() : ''
        return text.includes('%2E') ? form(request.url, text.replaceAll('%', '%25')) : request
      },
    }),
    found: ['request/a-percent-encoded-token'],
  },
  'a CSRF check by the Origin': {
    fault: () => ({
      request: (request) =>
        request.headers.has('origin') ? new Response(null, { status: 403, headers: noStore }) : request,
    }),
    found: ['request/a-foreign-Origin-and-a-cookie'],
  },
  'only POST of a form is thought of': {
    fault: () => ({
      answer: (response) => (response.status === 405 ? status(response, 500) : response),
    }),
    found: ['request/GET', 'request/PUT', 'request/DELETE', 'request/PATCH'],
  },
  'the first of several tokens': {
    fault: () => ({
      async request(request) {
        if (request.method !== 'POST') return request
        const text = await request.clone().text()
        const tokens = new URLSearchParams(text).getAll('logout_token')
        if (tokens.length < 2) return request
        return new Request(request.url, { method: 'POST', body: new URLSearchParams({ logout_token: tokens[0]! }) })
      },
    }),
    found: ['request/two-tokens', 'request/the-same-token-twice'],
  },
  'a media type compared as it is': {
    fault: () => ({
      request: (request) =>
        request.headers.get('content-type') === 'application/x-www-form-urlencoded' || request.method !== 'POST'
          ? request
          : new Request(request.url, { method: 'POST', body: 'other' }),
    }),
    found: ['request/a-media-type-with-a-charset', 'request/a-media-type-in-capitals', 'provider/keycloak-26'],
  },
  'a parameter more is an error': {
    fault: () => ({
      async request(request) {
        if (request.method !== 'POST') return request
        const names = [...new URLSearchParams(await request.clone().text()).keys()]
        return names.length > 1 ? new Request(request.url, { method: 'POST', body: 'x=1' }) : request
      },
    }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout', 'request/further-parameters'],
  },
  'no limit to a body': {
    fault: () => ({
      async request(request) {
        const text = await request.clone().text()
        const token = new URLSearchParams(text).get('logout_token')
        if (text.length < 1024 * 1024 || token === null) return request
        return new Request(request.url, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })
      },
    }),
    found: ['request/a-body-over-a-mebibyte'],
  },
  'no limit to a token': {
    fault: () => ({
      // What makes it long is at its end.
      receive: (token) => (token.length > 16 * 1024 ? /^(?:[^.]*\.){2}.{342}/.exec(token)![0] : token),
    }),
    found: ['request/a-token-over-16-KiB', 'refuse/more-than-16-KiB'],
  },
}
