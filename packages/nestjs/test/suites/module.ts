import { MemoryStore, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import {
  BackchannelLogoutModule,
  getBackchannelLogoutToken,
  InjectBackchannelLogout,
  type BackchannelLogoutModuleOptions,
  type BackchannelLogoutOptionsFactory,
} from '@bcl/nestjs'
import { createTestIssuer } from '@bcl/testing'
import { Injectable } from '@nestjs/common'
import { describe, expect, test } from 'vitest'
import { create, form, op, options, path, platforms, rootModule, run } from '../support.js'

@Injectable()
class Factory implements BackchannelLogoutOptionsFactory {
  async createBackchannelLogoutOptions(): Promise<BackchannelLogoutModuleOptions> {
    return options()
  }
}

const Stores = rootModule({
  providers: [{ provide: 'store', useClass: MemoryStore }, Factory],
  exports: ['store', Factory],
})

describe.each(platforms)('BackchannelLogoutModule on %s', (_, createAdapter) => {
  test.each([
    ['forRoot', () => BackchannelLogoutModule.forRoot(options())],
    [
      'forRootAsync with useFactory, imports and inject',
      () =>
        BackchannelLogoutModule.forRootAsync({
          imports: [Stores],
          inject: ['store'],
          useFactory: async (store: LogoutStore) => options({ store }),
        }),
    ],
    ['forRootAsync with useClass', () => BackchannelLogoutModule.forRootAsync({ useClass: Factory })],
    [
      'forRootAsync with imports and useExisting',
      () => BackchannelLogoutModule.forRootAsync({ imports: [Stores], useExisting: Factory }),
    ],
  ])('works with %s', async (__, imported) => {
    const running = await run(createAdapter, { imports: [imported()] })
    expect((await running.fetch(path, await form())).status).toBe(200)
    await running.close()
  })

  test('can be imported several times, with different names', async () => {
    const partner = await createTestIssuer({ issuer: 'https://partner.example' })
    @Injectable()
    class Injected {
      @InjectBackchannelLogout('partner')
      readonly partner!: BackchannelLogout
      readonly main: BackchannelLogout

      constructor(@InjectBackchannelLogout() main: BackchannelLogout) {
        this.main = main
      }
    }
    const running = await run(createAdapter, {
      imports: [
        rootModule({ imports: [BackchannelLogoutModule.forRoot(options())] }),
        BackchannelLogoutModule.forRootAsync({
          name: 'partner',
          path: '/partner/backchannel-logout',
          useFactory: async () => options({ issuers: [partner.trusted] }),
        }),
      ],
      providers: [Injected],
    })
    const post = async (to: string, token: string): Promise<number> =>
      (await running.fetch(to, { method: 'POST', body: new URLSearchParams({ logout_token: token }) })).status
    expect(await post(path, await partner.logoutToken())).toBe(400)
    expect(await post('/partner/backchannel-logout', await op.logoutToken())).toBe(400)
    const { main, partner: injected } = running.app.get(Injected)
    expect([await main.isLoggedOut(op.session()), await injected.isLoggedOut(partner.session())]).toEqual([
      false,
      false,
    ])
    expect(await post(path, await op.logoutToken())).toBe(200)
    expect([await main.isLoggedOut(op.session()), await injected.isLoggedOut(partner.session())]).toEqual([true, false])
    expect(await post('/partner/backchannel-logout', await partner.logoutToken())).toBe(200)
    expect(await injected.isLoggedOut(partner.session())).toBe(true)
    await running.close()
  })

  test.each([
    ['name', { path: '/partner' }, /^Two BackchannelLogoutModules have the same name$/],
    ['path', { name: 'partner' }, /^Two BackchannelLogoutModules have the same path$/],
  ])('two modules with the same %s are refused at the start', async (__, more, message) => {
    const app = await create(createAdapter, {
      imports: [BackchannelLogoutModule.forRoot(options()), BackchannelLogoutModule.forRoot({ ...options(), ...more })],
    })
    await expect(app.init()).rejects.toThrow(message)
    await app.close()
  })

  test('ends its subscription on shutdown', async () => {
    const { store, ended } = subscribedStore()
    const running = await run(createAdapter, { imports: [BackchannelLogoutModule.forRoot(options({ store }))] })
    const logout = running.app.get<BackchannelLogout>(getBackchannelLogoutToken())
    logout.watch(op.session(), () => {})
    await ended.subscribed
    expect(ended.count).toBe(0)
    await running.close()
    expect(ended.count).toBe(1)
  })
})

function subscribedStore() {
  const store: LogoutStore = new MemoryStore()
  let subscribe = (): void => {}
  const ended = { count: 0, subscribed: new Promise<void>((resolve) => (subscribe = resolve)) }
  store.subscribe = async () => {
    subscribe()
    return async () => void (ended.count += 1)
  }
  return { store, ended }
}

test.each(['backchannel-logout', '', '/a?b', '/a#b'])('the path %j is a TypeError', (wrong) => {
  expect(() => BackchannelLogoutModule.forRoot({ ...options(), path: wrong })).toThrow(TypeError)
})

test.each(['paht', 'nmae', 'useFactroy'])('the misspelt option %s of forRootAsync is a TypeError', (name) => {
  const misspelt = { useFactory: () => options(), [name]: '/a' }
  expect(() => BackchannelLogoutModule.forRootAsync(misspelt)).toThrow(TypeError)
  expect(() => BackchannelLogoutModule.forRootAsync(misspelt)).toThrow(
    `${name} is not an option. The options are: name,`,
  )
})

test('forRootAsync accepts all options of Nest', () => {
  const all = { useFactory: () => options(), imports: [], inject: [], provideInjectionTokensFrom: [] }
  expect(() => BackchannelLogoutModule.forRootAsync({ ...all, name: 'a', path: '/a' })).not.toThrow()
})

test('a path from a factory is refused, because it comes too late', async () => {
  const start = create(platforms[0]![1], {
    imports: [BackchannelLogoutModule.forRootAsync({ useFactory: () => ({ ...options(), path: '/a' }) })],
  })
  await expect(start).rejects.toThrow(/^path is not an option$/)
})

test('a wrong option is an error at the start', async () => {
  const start = create(platforms[0]![1], { imports: [BackchannelLogoutModule.forRoot(options({ sessionMaxAge: -1 }))] })
  await expect(start).rejects.toThrow(/sessionMaxAge/)
})
