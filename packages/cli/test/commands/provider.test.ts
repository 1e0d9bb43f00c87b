import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { start } from '../bcl.ts'
import { freePorts } from '../start-application.ts'

/** Starts `bcl provider` and an endpoint that records the Logout Tokens. */
async function startProvider() {
  const tokens: Record<string, unknown>[] = []
  const endpoint = createServer(async (incoming, response) => {
    const token = new URLSearchParams(await text(incoming)).get('logout_token')!
    tokens.push(JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>)
    response.writeHead(200, { 'cache-control': 'no-store' }).end('<b>done</b>')
  }).listen(0, '127.0.0.1')
  await once(endpoint, 'listening')
  const [port] = (await freePorts(1)) as [number]
  const issuer = `http://127.0.0.1:${port}`
  const url = `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/logout`
  const child = start(['provider', url, '--port', String(port)])
  onTestFinished(async () => {
    endpoint.close()
    child.kill('SIGTERM')
    await once(child, 'close')
  })
  await once(child.stdout, 'data')
  const query = new URLSearchParams({ client_id: 'bcl-client', redirect_uri: 'http://app/cb', response_type: 'code' })
  const authorize = `${issuer}/authorize?${query}`
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = { origin: issuer }) =>
    fetch(`${issuer}${path}`, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' })
  /** Signs in as somebody. Returns the cookie of the provider. */
  async function signIn(sub: string): Promise<string> {
    expect(await (await fetch(authorize)).text()).toContain('Sign in')
    const answer = await post('/bcl/sign-in', { sub, return: authorize })
    expect(answer.headers.get('location')).toBe(authorize)
    return answer.headers.get('set-cookie')!.split(';')[0]!
  }
  const page = async (): Promise<string> => (await fetch(`${issuer}/`)).text()
  const sidIn = (html: string): string => /name="sid" value="([^"]+)"/.exec(html)![1]!
  return { issuer, authorize, tokens, post, signIn, page, sidIn, child }
}

test('signs in as anybody, ends one session, and shows the token and the answer', { timeout: 30_000 }, async () => {
  const { authorize, tokens, post, signIn, page, sidIn } = await startProvider()
  const cookie = await signIn('bob <b>')
  const signedIn = await fetch(authorize, { headers: { cookie }, redirect: 'manual' })
  expect(signedIn.headers.get('location')).toMatch(/^http:\/\/app\/cb\?.*code=/)
  const sid = sidIn(await page())
  await post('/bcl/end-session', { sub: 'bob <b>', sid })
  expect(tokens).toMatchObject([{ sub: 'bob <b>', sid }])
  const html = await page()
  expect(html).toContain('&quot;sid&quot;')
  expect(html).toContain('200 &lt;b&gt;done')
  expect(html).not.toContain('<b>')
  // The session has ended at the provider too.
  expect(await (await fetch(authorize, { headers: { cookie } })).text()).toContain('Sign in')
})

test('ends all sessions of a user by a token without sid', { timeout: 30_000 }, async () => {
  const { tokens, post, signIn, page } = await startProvider()
  for (const sub of ['bob', 'bob', 'carol']) await signIn(sub)
  await post('/bcl/end-user', { sub: 'bob' })
  expect(tokens).toMatchObject([{ sub: 'bob' }])
  expect(tokens[0]).not.toHaveProperty('sid')
  expect((await page()).match(/<td>(?:bob|carol)<\/td>/g)).toEqual(['<td>carol</td>'])
})

test('a sign-out at the provider sends a Logout Token', { timeout: 30_000 }, async () => {
  const { issuer, tokens, signIn } = await startProvider()
  const cookie = await signIn('bob')
  await fetch(`${issuer}/end_session`, { headers: { cookie } })
  expect(tokens).toMatchObject([{ sub: 'bob' }])
})

test('refuses a form of another site', { timeout: 30_000 }, async () => {
  const { tokens, post } = await startProvider()
  for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }])
    expect((await post('/bcl/end-user', { sub: 'bob' }, headers)).status).toBe(403)
  expect(tokens).toEqual([])
})

test('refuses a name in DNS that points to this machine', { timeout: 30_000 }, async () => {
  const { issuer, tokens, signIn } = await startProvider()
  await signIn('bob')
  const { port } = new URL(issuer)
  /** Sends a request as a page of this host would. */
  const statusFor = (host: string, method: string, path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const headers = { host, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' }
      const sent = request({ host: '127.0.0.1', port, method, path, headers }, (response) =>
        resolve(response.resume().statusCode!),
      )
      sent.once('error', reject)
      sent.end(method === 'POST' ? 'sub=bob' : undefined)
    })
  for (const host of [`rebound.example:${port}`, `127.0.0.1.rebound.example:${port}`]) {
    expect(await statusFor(host, 'GET', '/')).toBe(421)
    expect(await statusFor(host, 'POST', '/bcl/end-user')).toBe(421)
  }
  expect(tokens).toEqual([])
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
    expect(await statusFor(host, 'GET', '/')).toBe(200)
})
