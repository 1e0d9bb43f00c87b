import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { createBackchannelLogout, MemoryStore, type LogoutEvent } from '@bcl/core'
import { expect, test } from 'vitest'
import { bcl, start } from '../bcl.ts'
import { serve } from '../serve.ts'
import { freePorts } from '../start-application.ts'

/** Starts an endpoint that trusts the provider of `bcl`. */
async function startReceiver() {
  const [port] = (await freePorts(1)) as [number]
  const issuer = `http://127.0.0.1:${port}`
  const fetched: string[] = []
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'bcl-client' }],
    sessionMaxAge: 60,
    store: new MemoryStore(),
    fetch: (url, init) => {
      fetched.push(new URL(String(url)).pathname)
      return fetch(url, init)
    },
  })
  const events: LogoutEvent[] = []
  logout.onLogout((event) => events.push(event))
  const url = await serve(async (request, response) => {
    const { method = '', headers } = request
    const answer = await logout.respond({ method, contentType: headers['content-type'], body: request })
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  return { issuer, events, fetched, args: ['send', `${url}/backchannel-logout`, '--port', String(port)] }
}

test('sends a token with the given claims', async () => {
  const { args, events } = await startReceiver()
  const { code, out } = await bcl([...args, '--sid', 's-1', '--claim', 'acr=2', '--claim', 'why=because'])
  expect(out).toMatch(/^200 OK\ncache-control: no-store\n$/)
  expect(code).toBe(0)
  expect(events).toMatchObject([{ sid: 's-1', claims: { acr: 2, why: 'because' } }])
  expect(events[0]).not.toHaveProperty('sub')
})

test('signs with the same key in each run, so the application fetches the keys once', async () => {
  const { args, events, fetched } = await startReceiver()
  for (const sid of ['s-1', 's-2']) expect(await bcl([...args, '--sid', sid])).toMatchObject({ code: 0 })
  expect(events).toMatchObject([{ sid: 's-1' }, { sid: 's-2' }])
  expect(fetched).toEqual(['/.well-known/openid-configuration', '/jwks'])
})

test('works if its keys cannot be stored', async () => {
  const { args, events } = await startReceiver()
  const { code } = await bcl([...args, '--sid', 's-1'], '', { XDG_CACHE_HOME: '/dev/null' })
  expect(code).toBe(0)
  expect(events).toMatchObject([{ sid: 's-1' }])
})

test('shows a redirect and does not follow it', async () => {
  const [port] = (await freePorts(1)) as [number]
  const url = await serve((_, response) => void response.writeHead(302, { location: '/login' }).end())
  const { code, out } = await bcl(['send', `${url}/logout`, '--port', String(port)])
  expect(out).toBe('302 Found\nlocation: /login\n')
  expect(code).toBe(1)
})

test('does not show an answer that is too large', async () => {
  const url = await serve((_, response) => void response.writeHead(400).end('x'.repeat(257 * 1024)))
  const { out, code } = await bcl(['send', url, '--port', '0'])
  expect(out).toContain('(the answer is larger than 256 KiB)')
  expect(code).toBe(1)
})

test('shows the answer to a refused token', async () => {
  const { args, events } = await startReceiver()
  const { code, out } = await bcl([...args, '--claim', 'nonce=x'])
  expect(out).toMatch(/^400 Bad Request\n[\s\S]*"error":"invalid_request"/)
  expect(code).toBe(1)
  expect(events).toEqual([])
})

test('logs out the session that signs in', async () => {
  const { issuer, args, events } = await startReceiver()
  const child = start([...args, '--after-sign-in'])
  child.stdin.end()
  const out = text(child.stdout)
  await once(child.stderr, 'data')

  const callback = 'http://127.0.0.1/callback'
  const query = new URLSearchParams({
    client_id: 'bcl-client',
    redirect_uri: callback,
    response_type: 'code',
    login_hint: 'bob',
  })
  const { headers } = await fetch(`${issuer}/authorize?${query}`, { redirect: 'manual' })
  const code = new URL(headers.get('location')!).searchParams.get('code')!
  const tokens = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('bcl-client:bcl-client-secret')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: callback }),
  })
  const { id_token: idToken } = (await tokens.json()) as { id_token: string }
  const { sub, sid } = JSON.parse(atob(idToken.split('.')[1]!)) as { sub: string; sid: string }

  expect(await out).toContain('200 OK')
  expect(events).toMatchObject([{ sub, sid }])
  expect(sub).toBe('bob')
})

/** Starts an application. Its `/me` answers 200 until the endpoint has accepted a token. If `isEnded` is false, it always answers 200. */
async function startSession(isEnded: boolean) {
  const [port] = (await freePorts(1)) as [number]
  let isLive = true
  const url = await serve((request, response) => {
    if (request.url === '/me') {
      const isSignedIn = isLive && request.headers.cookie === 'session=1'
      return void response.writeHead(isSignedIn ? 200 : 401).end()
    }
    if (request.method === 'POST') isLive &&= !isEnded
    response.end()
  })
  return ['send', `${url}/logout`, '--port', String(port), '--me', `${url}/me`]
}

test.each([
  [true, 0, /The session has ended: .*\/me answers 401\./],
  [false, 1, /The session is still live: .*\/me answers 200\./],
])('with --me and --cookie, says whether the session ended: %s', async (isEnded, wanted, message) => {
  const { code, out } = await bcl([...(await startSession(isEnded)), '--cookie', 'session=1'])
  expect(out).toMatch(message)
  expect(code).toBe(wanted)
})

test('a cookie without a live session is an error', async () => {
  const { code, err } = await bcl([...(await startSession(true)), '--cookie', 'session=2'])
  expect(err).toMatch(/answers 401 before the logout, so nobody is signed in\.\nCopy the cookies/)
  expect(code).toBe(2)
})

test('without --me, says that the answer does not prove the end of a session', async () => {
  const { args } = await startReceiver()
  const { err } = await bcl([...args, '--sid', 's-1'])
  expect(err).toContain('The answer does not prove that a session ended. To check that, pass --me.')
})

test('prints how the client is registered', async () => {
  const { args } = await startReceiver()
  const { err } = await bcl([...args, '--alg', 'ES256'])
  expect(err).toMatch(/^id_token_signed_response_alg {9}ES256$/m)
  expect(err).toMatch(/^backchannel_logout_uri +http:.*\/backchannel-logout$/m)
})

test('a wrong value of --cookie is an error, which does not show the value', async () => {
  const { err, code } = await bcl(['send', 'http://127.0.0.1:1', '--cookie', "session=it's secret; Path=/"])
  expect(err).toContain("Option '--cookie <name=value>' is invalid. It must be name=value, as in the header Cookie.\n")
  expect(code).toBe(2)
})
