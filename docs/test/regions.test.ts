// Tests the handler of docs/deploying/regions.md that passes a Logout Token on to other regions.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { test } from 'node:test'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { serve } from '@hono/node-server'

import { freePort } from '../../checks/test-support/src/free-port.ts'
import { createApp } from '../snippets/docs-deploying-regions-md/app.ts'
import { passOn } from '../snippets/docs-deploying-regions-md/pass-on.ts'

const op = await createTestIssuer()
const session = { iss: op.issuer, sub: 'alice', sid: 'a', iat: Math.floor(Date.now() / 1000) - 1 }
const createRegion = (store = new MemoryStore(), more: object = {}) =>
  createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 60, store, unavailableStatus: 503, ...more })

/** A store that accepts no logout while `isDown` is true. */
class FailingStore extends MemoryStore {
  isDown = true
  override add(key: string, value: string, expiresAt: number): void {
    if (this.isDown) throw new Error('the store is down')
    super.add(key, value, expiresAt)
  }
}

const post = (body: string) =>
  new Request('https://us.example.com/backchannel-logout', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  })
const form = async () => `logout_token=${await op.logoutToken({ sub: session.sub, sid: session.sid })}`

/** Serves the endpoint of a region on a free port. Counts the requests. */
async function serveRegion(region: ReturnType<typeof createRegion>) {
  const port = await freePort()
  let requests = 0
  const server = serve({ port, hostname: '127.0.0.1', fetch: (request) => ((requests += 1), region.handle(request)) })
  return { url: `http://127.0.0.1:${port}/`, requests: () => requests, close: () => void server.close() }
}

test('ends the session in both regions', async () => {
  const [us, eu] = [createRegion(), createRegion()]
  const other = await serveRegion(eu)
  try {
    const answer = await passOn(us, [other.url], post(await form()))
    assert.equal(answer.status, 200)
    assert.equal(await us.isLoggedOut(session), true)
    assert.equal(await eu.isLoggedOut(session), true)
  } finally {
    other.close()
  }
})

test('each region serves one address for the provider, and one for the other regions', async () => {
  const [us, eu] = [createRegion(), createRegion()]
  const port = await freePort()
  const europe = serve({ port, hostname: '127.0.0.1', fetch: createApp(eu, ['http://127.0.0.1:1/']).fetch })
  try {
    const america = createApp(us, [`http://127.0.0.1:${port}/logout-of-region`])
    assert.equal((await america.fetch(post(await form()))).status, 200)
    assert.deepEqual(await Promise.all([us, eu].map((region) => region.isLoggedOut(session))), [true, true])
  } finally {
    europe.close()
  }
})

test('if the other region is down, answers 503 and still ends the session in this region', async () => {
  const us = createRegion()
  const answer = await passOn(us, [`http://127.0.0.1:${await freePort()}/`], post(await form()))
  assert.equal(answer.status, 503)
  assert.equal(await us.isLoggedOut(session), true)
})

test('a request that the receiver refuses gets its answer, and the next request on the connection, too', async (t) => {
  const port = await freePort()
  const region = createRegion(new MemoryStore(), { onDelivery() {} })
  const server = serve({ port, hostname: '127.0.0.1', fetch: createApp(region, []).fetch })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => {
    agent.destroy()
    server.close()
  })
  const send = async (method: string, body: string, isWhole = true): Promise<number | undefined> => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length + +!isWhole }
    const sent = request({ port, path: '/backchannel-logout', method, agent, headers })
    sent.on('error', () => {}) // the server closes a connection whose body does not arrive
    sent.write(body)
    if (isWhole) sent.end()
    const [response] = (await once(sent, 'response', { signal: AbortSignal.timeout(20_000) })) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }
  for (const method of ['PUT', 'DELETE', 'PATCH'])
    for (const body of ['hello', 'x'.repeat(500_000)]) {
      assert.equal(await send(method, body), 405)
      assert.equal(await send('POST', await form()), 200)
    }
  for (const body of ['a=b', 'x'.repeat(300_000)]) assert.equal(await send('POST', body), body === 'a=b' ? 400 : 413)
  assert.equal(await send('POST', await form()), 200)
  assert.equal(await send('POST', 'logout_token=', false), 400, 'a body that stops')
})

test('a redirect of a proxy does not count as a logout', async () => {
  const port = await freePort()
  const proxy = serve({
    port,
    hostname: '127.0.0.1',
    fetch: ({ url }) => (url.endsWith('/sign-in') ? new Response('Sign in') : Response.redirect(`${url}sign-in`, 302)),
  })
  try {
    const answer = await passOn(createRegion(), [`http://127.0.0.1:${port}/`], post(await form()))
    assert.equal(answer.status, 503)
  } finally {
    proxy.close()
  }
})

test('if the store of this region is down, still passes the token on, and answers 503', async () => {
  const eu = createRegion()
  const other = await serveRegion(eu)
  const store = new FailingStore()
  const us = createRegion(store)
  try {
    const answer = await passOn(us, [other.url], post(await form()))
    assert.equal(answer.status, 503)
    assert.equal(answer.headers.get('retry-after'), '5')
    assert.deepEqual(await Promise.all([us, eu].map((region) => region.isLoggedOut(session))), [true, true])
  } finally {
    other.close()
    store.isDown = false
    await us.close()
  }
})

test('does not send a token to the other region if this region has no keys to verify it', async () => {
  const other = await serveRegion(createRegion())
  const fetch = () => Promise.reject(new Error('the provider is down'))
  const us = createRegion(undefined, { issuers: [{ issuer: op.issuer, clientId: op.clientId }], fetch })
  try {
    const answer = await passOn(us, [other.url], post(await form()))
    assert.equal(answer.status, 503)
    assert.equal(other.requests(), 0)
  } finally {
    other.close()
  }
})

test('does not send a wrong token to the other region', async () => {
  const other = await serveRegion(createRegion())
  try {
    const answer = await passOn(createRegion(), [other.url], post('logout_token=wrong'))
    assert.equal(answer.status, 400)
    assert.equal(other.requests(), 0)
  } finally {
    other.close()
  }
})
