import { createTestKey, type FetchLike, type TestProvider } from '@bcl/testing'

const home = 'https://app.example.com'

export const contract = { login: `${home}/login`, me: `${home}/me` }
export const endpoint = `${home}/backchannel-logout`

/**
 * The first keys of all providers in one test file. Each application trusts only its own provider, so they can share these keys.
 * Making a key takes long.
 */
export const sharedKeys = {
  key: await createTestKey('RS256', crypto.randomUUID()),
  otherKey: await createTestKey('ES256', crypto.randomUUID()),
}

interface Parts<Session> {
  /** The back-channel logout endpoint. */
  receive: (request: Request) => Promise<Response>
  /** Makes a session from an ID Token. */
  startSession: (idToken: string) => Session | Promise<Session>
  isLive: (session: Session) => boolean | Promise<boolean>
}

/** Makes an application in memory, with the sign-in of a real one. */
export function createApplication<Session>(
  provider: TestProvider,
  { receive, startSession, isLive }: Parts<Session>,
): FetchLike {
  const { issuer, clientId } = provider.op
  const redirectUri = `${home}/callback`
  const sessions = new Map<string, Session>()

  function login(): Response {
    const query = { client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope: 'openid' }
    return Response.redirect(`${issuer}/authorize?${new URLSearchParams(query)}`)
  }

  async function callback(request: Request): Promise<Response> {
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code: new URL(request.url).searchParams.get('code')!,
      redirect_uri: redirectUri,
      client_id: clientId,
      client_secret: provider.clientSecret,
    })
    const answer = await provider.handle(new Request(`${issuer}/token`, { method: 'POST', body }))
    const { id_token: idToken } = (await answer.json()) as { id_token: string }
    const id = crypto.randomUUID()
    sessions.set(id, await startSession(idToken))
    return new Response(null, { status: 302, headers: { location: '/', 'set-cookie': `session=${id}; Path=/` } })
  }

  async function me(request: Request): Promise<Response> {
    const session = sessions.get(/session=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? '')
    return new Response(null, { status: session && (await isLive(session)) ? 200 : 401 })
  }

  const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
    [contract.login]: login,
    [redirectUri]: callback,
    [contract.me]: me,
    [endpoint]: receive,
  }
  return (url, init) => routes[url.replace(/\?.*/, '')]?.(new Request(url, init)) ?? new Response(null, { status: 404 })
}
