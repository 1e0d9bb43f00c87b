import { inspect } from 'node:util'
import { createBackchannelLogout } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { createClient } from 'redis'
import { test, expect } from 'vitest'
import { clients } from './support/clients.js'
import { startRedis } from './support/redis-server.js'
import { describeOwnRedis } from './support/services.js'

const op = await createTestIssuer()
const claims = { sub: 'älice@example.com', sid: "session-4711 'é'" }
const names = ['node-redis', 'ioredis', 'Valkey GLIDE', 'Upstash']

describeOwnRedis("the error has the driver's own message and no claim value", () => {
  /** The error text that an operator reads if a check fails. */
  async function failureOf(client: string, url: string): Promise<string> {
    const { client: connected, close } = await clients[client]!(url)
    const logout = createBackchannelLogout({
      issuers: [op.trusted],
      sessionMaxAge: 3600,
      store: new RedisStore(connected),
    })
    const error = await logout.isLoggedOut(op.session(claims)).then(
      () => expect.fail('did not fail'),
      (reason: unknown) => inspect(reason, { depth: 9, showHidden: true }),
    )
    close()
    for (const claim of ['lice', '4711']) expect(error).not.toContain(claim)
    return error
  }

  test.for(names)('a key of another type, %s', async (name, { onTestFinished }) => {
    const server = await startRedis()
    onTestFinished(() => server.close())
    const direct = await createClient({ url: server.url }).connect()
    const logout = createBackchannelLogout({
      issuers: [op.trusted],
      sessionMaxAge: 3600,
      store: new RedisStore(direct),
    })
    await logout.receive(await op.logoutToken(claims))
    for (const key of await direct.keys('*')) await direct.set(key, 'text')
    direct.destroy()
    expect(await failureOf(name, server.url)).toContain('WRONGTYPE')
  })

  test.for(names)('a command that the server does not have, %s', async (name, { onTestFinished }) => {
    const server = await startRedis('--rename-command', 'ZRANGE', '')
    onTestFinished(() => server.close())
    expect(await failureOf(name, server.url)).toMatch(/unknown command|Unknown Redis command/i)
  })

  // The other clients report a missing password when they connect.
  test('a missing password, ioredis', async ({ onTestFinished }) => {
    const server = await startRedis('--requirepass', 'right')
    onTestFinished(() => server.close())
    expect(await failureOf('ioredis', server.url)).toContain('NOAUTH')
  })
})
