// Runs the subscriptions of docs/guides/live.md with @nestjs/graphql. docs/test/live.test.ts runs the other code of the page.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { before, describe, test, type TestContext } from 'node:test'

import { MemoryStore, type SessionClaims } from '@bcl/core'
import { BackchannelLogoutModule, getBackchannelLogoutToken } from '@bcl/nestjs'
import { createTestIssuer } from '@bcl/testing'
import { NestFactory } from '@nestjs/core'
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo'
import { GraphQLModule, GraphQLSchemaHost, Query, Resolver, Subscription } from '@nestjs/graphql'
import { createClient } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocket, WebSocketServer } from 'ws'

import { codeBlocks } from '../../../checks/scripts/code-blocks.ts'
import { run } from '../../test/application.ts'
import { frameOf, upgradeByHand } from '../../test/raw-socket.ts'

const site = resolve(import.meta.dirname, '..')
const folder = join(site, 'snippets/nest-graphql')
const op = await createTestIssuer()

/** In this test, the session is in a header, not in a cookie. */
const sessionOf = async ({ headers }: IncomingMessage): Promise<SessionClaims | undefined> =>
  headers['x-sid'] ? op.session({ sid: String(headers['x-sid']) }) : undefined

/** A resolver with a query and a subscription that sends one value. The code has no decorators, because Node.js cannot strip them. */
class Ticks {
  ok() {
    return true
  }
  async *ticks() {
    yield { ticks: 'first' }
    await new Promise(() => {}) // the subscription goes on until the socket closes
  }
}
Resolver()(Ticks)
for (const [name, decorate] of Object.entries({ ok: Query(() => Boolean), ticks: Subscription(() => String) }))
  decorate(Ticks.prototype, name, Object.getOwnPropertyDescriptor(Ticks.prototype, name)!)

describe('live.md: subscriptions with @nestjs/graphql', { timeout: 60_000 }, () => {
  before(() => {
    mkdirSync(folder, { recursive: true })
    for (const { name, code } of codeBlocks(readFileSync(join(site, '../guides/live.md'), 'utf8')))
      if (name) writeFileSync(join(folder, name), code)
  })

  test('fit the types of the framework', async () => {
    const config = { extends: '../../tsconfig.json', include: ['graphql-module.ts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const args = [join(site, 'node_modules/typescript/bin/tsc'), '--noEmit', '-p', folder]
    const { output, ended } = run({ args: () => args }, {}, 0)
    assert.deepEqual(await ended, [0, null], output())
  })

  async function serve() {
    const { createGraphqlModule } = await import(join(folder, 'graphql-module.ts'))
    const imports = [
      BackchannelLogoutModule.forRoot({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() }),
      createGraphqlModule(sessionOf),
    ]
    const app = await NestFactory.create({ module: Ticks, imports, providers: [Ticks] }, { logger: ['error'] })
    await app.listen(0, '127.0.0.1')
    const server: Server = app.getHttpServer()
    const { port } = server.address() as AddressInfo
    return { app, server, address: `127.0.0.1:${port}` }
  }

  /** Subscribes as a browser with these headers. Rejects with the code of the close if the socket does not stay open. */
  function subscribe(t: TestContext, address: string, headers: Record<string, string>) {
    const client = createClient({
      url: `ws://${address}/graphql`,
      retryAttempts: 0,
      webSocketImpl: class extends WebSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols, { headers })
        }
      },
    })
    t.after(() => client.dispose())
    return client.iterate({ query: 'subscription { ticks }' })
  }
  const first = { value: { data: { ticks: 'first' } }, done: false }

  test('are refused without a session, and end with the session', async (t) => {
    const { app, address } = await serve()
    t.after(() => app.close())
    await assert.rejects(subscribe(t, address, {}).next(), { code: 4403 })
    const [laptop, phone] = ['laptop', 'phone'].map((sid) => subscribe(t, address, { 'x-sid': sid }))
    assert.deepEqual([await laptop!.next(), await phone!.next()], [first, first])

    const ended = assert.rejects(laptop!.next(), { code: 4401 })
    let isOpen = true
    const phoneEnds = () => (isOpen = false)
    void phone!.next().then(phoneEnds, phoneEnds)
    const body = new URLSearchParams({ logout_token: await op.logoutToken({ sid: 'laptop' }) })
    assert.equal((await fetch(`http://${address}/backchannel-logout`, { method: 'POST', body })).status, 200)
    await ended
    assert.equal(isOpen, true)
    await assert.rejects(subscribe(t, address, { 'x-sid': 'laptop' }).next(), { code: 4403 })
  })

  test('are limited in the size of a message, if the application calls `useServer`', async (t) => {
    const { endWithSession } = await import(join(folder, 'graphql-ws.ts'))
    const imports = [
      BackchannelLogoutModule.forRoot({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() }),
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ]
    const app = await NestFactory.create({ module: Ticks, imports, providers: [Ticks] }, { logger: ['error'] })
    t.after(() => app.close())
    await app.listen(0, '127.0.0.1')
    // The text below the code of the page describes these lines.
    const server = app.getHttpServer()
    const logout = app.get(getBackchannelLogoutToken())
    const { schema } = app.get(GraphQLSchemaHost)
    const sockets = new WebSocketServer({ server, path: '/graphql', maxPayload: 64 * 1024 })
    useServer({ schema, ...endWithSession(logout, sessionOf) }, sockets)

    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await assert.rejects(subscribe(t, address, {}).next(), { code: 4403 })
    const laptop = subscribe(t, address, { 'x-sid': 'laptop' })
    assert.deepEqual(await laptop.next(), first)
    const ended = assert.rejects(laptop.next(), { code: 4401 })
    await logout.receive(await op.logoutToken({ sid: 'laptop' }))
    await ended

    const large = new WebSocket(`ws://${address}/graphql`, 'graphql-transport-ws')
    await once(large, 'open')
    large.send('x'.repeat(64 * 1024 + 1))
    assert.equal((await once(large, 'close'))[0], 1009)
  })

  test('end at the shutdown, even if the client ignores the close', async (t) => {
    const { trackSockets } = await import(join(folder, 'track-sockets.ts'))
    const { app, server, address } = await serve()
    const endSockets = trackSockets(server)
    const protocol = 'Sec-WebSocket-Protocol: graphql-transport-ws'
    const socket = await upgradeByHand(`${address}/graphql`, 'X-Sid: laptop', protocol)
    t.after(() => socket.destroy())
    const acknowledged = once(socket, 'data')
    socket.write(frameOf('{"type":"connection_init"}'))
    assert.match(String(await acknowledged), /connection_ack/)
    const ended = once(socket.resume(), 'end', { signal: AbortSignal.timeout(5000) })
    endSockets()
    await Promise.all([ended, app.close()])
  })
})
