import { createBackchannelLogout, MemoryStore, type BackchannelLogout } from '@bcl/core'
import { backchannelLogout } from '@bcl/hono'
import {
  expectRoomAfterBody,
  expectRoomAfterLargeBody,
  expectRoomAfterSlowBody,
} from '@bcl-checks/test-support/connection'
import { createTestIssuer, testAdapter, type MountAdapter, type MountedAdapter } from '@bcl/testing'
import { serve } from '@hono/node-server'
import { Hono, type Handler, type MiddlewareHandler } from 'hono'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { application } from './application.js'

/** Serves an application on loopback. */
async function listen(app: Hono): Promise<MountedAdapter & { port: number }> {
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  if (!server.listening) await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init }),
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

const mountBehind =
  (...before: MiddlewareHandler[]): MountAdapter =>
  (...mounted) =>
    listen(application(before, ...mounted))

describe.each<[string, MiddlewareHandler[]]>([
  ['by itself', []],
  ['behind parseBody()', [async (c, next) => (await c.req.parseBody(), next())]],
  ['behind text()', [async (c, next) => (await c.req.text(), next())]],
  ['behind formData()', [async (c, next) => (await c.req.formData().catch(() => undefined), next())]],
  ['behind raw.clone()', [(c, next) => (c.req.raw.clone(), next())]],
  ['behind raw.clone().text()', [async (c, next) => (await c.req.raw.clone().text(), next())]],
])('Hono on Node, %s (T-13)', (name, before) =>
  testAdapter(test, mountBehind(...before), { parsesBody: name.includes('formData()') }),
)

const op = await createTestIssuer()
const create = () => createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
const headers = { 'content-type': 'application/x-www-form-urlencoded' }

test.each(['keeps', 'removes'])(
  'if a middleware decodes the body and %s content-encoding, the endpoint reads the decoded body',
  async (what) => {
    const app = new Hono()
    app.use(async (c, next) => {
      const body = c.req.raw.body!.pipeThrough(new DecompressionStream('gzip'))
      c.req.raw = new Request(c.req.raw, { body, duplex: 'half' } as RequestInit)
      if (what === 'removes') c.req.raw.headers.delete('content-encoding')
      await next()
    })
    app.all('/backchannel-logout', backchannelLogout(create()))
    const served = await listen(app)
    const body = await promisify(gzip)(`logout_token=${await op.logoutToken()}`)
    const { status } = await served.fetch('/backchannel-logout', {
      method: 'POST',
      headers: { ...headers, 'content-encoding': 'gzip' },
      body,
    })
    await served.close?.()
    expect(status).toBe(200)
  },
)

/** Sends a body of 300,000 bytes at once, as a proxy does. */
const after =
  (status: number, method: string, ...lines: string[]) =>
  (port: number, path: string, token: string) =>
    expectRoomAfterBody(port, path, token, { status, method, lines })

describe.each<[string, (logout: BackchannelLogout) => Handler]>([
  ['backchannelLogout', backchannelLogout],
  ['handle', (logout) => (c) => logout.handle(c.req.raw)],
])('RP-4c: %s: the connection serves the next request after a body that was', (_, mount) => {
  test.each([
    ['too large', expectRoomAfterLargeBody],
    ['too slow and too large', expectRoomAfterSlowBody],
    ['a form', after(413, 'POST', 'content-type: application/x-www-form-urlencoded')],
    ['JSON', after(413, 'POST', 'content-type: application/json')],
    ['encoded', after(413, 'POST', 'content-type: application/json', 'content-encoding: identity')],
    ['the body of a PUT', after(405, 'PUT', 'content-encoding: identity')],
  ])('%s', async (_name, expectRoom) => {
    const served = await listen(new Hono().all('/backchannel-logout', mount(create())))
    await expectRoom(served.port, '/backchannel-logout', await op.logoutToken())
    await served.close?.()
  })
})
