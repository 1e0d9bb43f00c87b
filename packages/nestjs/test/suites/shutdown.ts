import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { BackchannelLogoutModule, getBackchannelLogoutToken } from '@bcl/nestjs'
import type { INestApplicationContext, ModuleMetadata, Provider } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { once } from 'node:events'
import { request, type IncomingMessage, type Server } from 'node:http'
import { describe, expect, test } from 'vitest'
import { op, options, path, platforms, rootModule, run } from '../support.js'

/** A store with a client that the application closes. Each call fails while the store is down, and after the client is closed. */
class Client implements LogoutStore {
  readonly #memory = new MemoryStore()
  isDown = false
  isClosed = false

  /** A receiver that reads the same data, as the next process would. */
  readonly next = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: this.#memory })

  async #answer<T>(work: () => T): Promise<T> {
    if (this.isClosed) throw new Error('the client is closed')
    if (this.isDown) throw new Error('the store is down')
    return work()
  }

  add: LogoutStore['add'] = (...entry) => this.#answer(() => this.#memory.add(...entry))
  values: LogoutStore['values'] = (keys) => this.#answer(() => this.#memory.values(keys))
  remove: LogoutStore['remove'] = (...entry) => this.#answer(() => this.#memory.remove(...entry))
}

/** Makes the store fail, except while the library closes. So only `close` can write pending logouts. */
function failExceptWhileClosing(client: Client, app: INestApplicationContext): BackchannelLogout {
  const logout = app.get<BackchannelLogout>(getBackchannelLogoutToken())
  const { close } = logout
  client.isDown = true
  logout.close = async () => {
    client.isDown = false
    await close()
    client.isDown = true
  }
  return logout
}

/** A request on its own connection, which closes after the answer. */
interface Posting {
  /** Sends the rest of the body. Resolves to the status. */
  finish(): Promise<number>
}

/** Sends the head and the first bytes of a Logout Token. */
async function beginPost(port: number, sid: string): Promise<Posting> {
  const posted = request({ port, path, method: 'POST', agent: false })
  posted.setHeader('content-type', 'application/x-www-form-urlencoded')
  posted.write('logout_token=')
  const token = await op.logoutToken({ sid })
  return {
    async finish() {
      posted.end(token)
      const [response] = (await once(posted, 'response')) as [IncomingMessage]
      response.resume()
      return response.statusCode!
    },
  }
}

const post = async (port: number, sid: string): Promise<number> => (await beginPost(port, sid)).finish()

/** The places where an application can close the client of its store. */
const places: Record<string, (provider: Provider, imported: ModuleMetadata['imports'] & object) => ModuleMetadata> = {
  'the root module': (provider, imported) => ({ imports: imported, providers: [provider] }),
  'a module that is imported first': (provider, imported) => ({
    imports: [rootModule({ providers: [provider] }), ...imported],
  }),
  'a module that is imported last': (provider, imported) => ({
    imports: [...imported, rootModule({ providers: [provider] })],
  }),
  'a global module': (provider, imported) => ({
    imports: [{ module: rootModule({}), global: true, providers: [provider] }, ...imported],
  }),
}

describe.concurrent.each(platforms)('shutting down on %s', (_, createAdapter) => {
  test.for(Object.entries(places))(
    'RP-39a: no logout is lost when %s closes the client of the store',
    async ([, place]) => {
      const client = new Client()
      let last: Promise<number> | undefined
      const application = {
        // The server still accepts requests.
        onModuleDestroy: async () => expect(await post(running.port, 'destroy')).toBe(400),
        beforeApplicationShutdown: async () => expect(await post(running.port, 'before shutdown')).toBe(400),
        onApplicationShutdown: () => void (client.isClosed = true),
      }
      const imported = BackchannelLogoutModule.forRoot(options({ store: client }))
      const running = await run(createAdapter, place({ provide: 'client', useValue: application }, [imported]))
      failExceptWhileClosing(client, running.app)
      // Nest closes the server after `beforeApplicationShutdown`. The last request begins then, and its body ends later.
      const adapter = running.app.getHttpAdapter()
      const closeAdapter = adapter.close.bind(adapter)
      adapter.close = async () => {
        const server = running.app.getHttpServer() as Server
        const begun = once(server, 'request')
        const posting = await beginPost(running.port, 'while the server closes')
        await begun
        const { close } = server
        server.close = (...done) => {
          last = posting.finish()
          return close.apply(server, done)
        }
        return closeAdapter()
      }
      expect(await post(running.port, 'before')).toBe(400)
      await running.app.close()
      expect(client.isClosed).toBe(true)
      expect([200, 400]).toContain(await last)
      for (const sid of ['before', 'destroy', 'before shutdown', 'while the server closes'])
        expect([sid, await client.next.isLoggedOut(op.session({ sid }))]).toEqual([sid, true])
    },
  )
})

test('RP-39a: no logout is lost in an application without a server', async () => {
  const client = new Client()
  const receive = async (sid: string) => expect(logout.receive(await op.logoutToken({ sid }))).rejects.toThrow()
  const application = {
    onModuleDestroy: () => receive('destroy'),
    beforeApplicationShutdown: () => receive('before shutdown'),
    onApplicationShutdown: () => void (client.isClosed = true),
  }
  const app = await NestFactory.createApplicationContext(
    rootModule({
      imports: [BackchannelLogoutModule.forRoot(options({ store: client }))],
      providers: [{ provide: 'client', useValue: application }],
    }),
    { logger: false, abortOnError: false },
  )
  const logout = failExceptWhileClosing(client, app)
  await app.close()
  for (const sid of ['destroy', 'before shutdown'])
    expect([sid, await client.next.isLoggedOut(op.session({ sid }))]).toEqual([sid, true])
})

test('RP-39a: pending logouts are written in onModuleDestroy, before later hooks can hang', async () => {
  const client = new Client()
  const application = { beforeApplicationShutdown: () => void (client.isClosed = true) }
  const app = await NestFactory.createApplicationContext(
    rootModule({
      imports: [BackchannelLogoutModule.forRoot(options({ store: client }))],
      providers: [{ provide: 'client', useValue: application }],
    }),
    { logger: false, abortOnError: false },
  )
  const logout = failExceptWhileClosing(client, app)
  await expect(logout.receive(await op.logoutToken())).rejects.toThrow()
  await app.close()
  expect(await client.next.isLoggedOut(op.session())).toBe(true)
})
