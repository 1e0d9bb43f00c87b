import type { BackchannelLogout, LogoutEvent } from '@bcl/core'
import { BackchannelLogoutModule, getBackchannelLogoutToken, OnLogout } from '@bcl/nestjs'
import { createTestIssuer } from '@bcl/testing'
import { Controller, Inject, Injectable, Scope, type ModuleMetadata, type Provider, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { describe, expect, test } from 'vitest'
import { create, form, op, options, path, platforms, rootModule, run } from '../support.js'

const [, createAdapter] = platforms[0]!

/** A class that records the subjects of logouts. */
const listener = (name?: string) => {
  @Injectable()
  class Listener {
    readonly heard: unknown[] = []

    @OnLogout(name)
    async hear({ sub }: LogoutEvent): Promise<void> {
      await Promise.resolve()
      this.heard.push(sub)
    }
  }
  return Listener
}

const receive = async (metadata: ModuleMetadata) => {
  const context = await NestFactory.createApplicationContext(rootModule(metadata), {
    logger: false,
    abortOnError: false,
  })
  const logout = context.get<BackchannelLogout>(getBackchannelLogoutToken())
  const outcome = await logout.receive(await op.logoutToken()).then(
    () => 'carried out',
    (error: { code: string }) => error.code,
  )
  return { context, outcome }
}

describe('@OnLogout()', () => {
  const [Own, Imported, Controlling, Made, Valued] = [listener(), listener(), listener(), listener(), listener()]
  Controller()(Controlling)
  const value = new Valued()
  class Inherited extends listener() {}

  test('calls each provider, controller and value of any module once, also without a server', async () => {
    const { context, outcome } = await receive({
      imports: [
        rootModule({ imports: [rootModule({ providers: [Imported] })] }),
        BackchannelLogoutModule.forRoot(options()),
      ],
      controllers: [Controlling],
      providers: [
        Own,
        Inherited,
        { provide: 'alias', useExisting: Own },
        { provide: Symbol('made'), useFactory: async () => new Made() },
        { provide: Made, useFactory: (made: object) => made, inject: ['again'] },
        { provide: 'again', useFactory: () => new Made() },
        { provide: 'value', useValue: value },
        { provide: 'nothing', useValue: null },
        { provide: 'bare', useValue: Object.create(null) },
        { provide: 'odd', useValue: new Proxy({}, { get: () => () => {} }) },
      ],
    })
    expect(outcome).toBe('carried out')
    const instances = [Own, Inherited, Imported, Controlling, Made].map((type) =>
      context.get<{ heard: unknown[] }>(type, { strict: false }),
    )
    expect([...instances, value].map(({ heard }) => heard)).toEqual(Array.from({ length: 6 }, () => ['alice']))
    await context.close()
  })

  test('is awaited, and its failure fails the logout', async () => {
    @Injectable()
    class Failing {
      @OnLogout()
      async fail(): Promise<void> {
        throw new Error('a listener fails')
      }
    }
    const running = await run(createAdapter, {
      imports: [BackchannelLogoutModule.forRoot(options())],
      providers: [Failing],
    })
    const response = await running.fetch(path, await form())
    expect([response.status, await response.json()]).toMatchObject([400, { error: 'temporarily_unavailable' }])
    await running.close()
  })

  test('listens only to the registrations that it names', async () => {
    const partner = await createTestIssuer({ issuer: 'https://partner.example' })
    const [Own2, Partner] = [listener(), listener('partner')]
    @Injectable()
    class Both extends listener() {
      @OnLogout()
      @OnLogout('partner')
      override async hear(event: LogoutEvent): Promise<void> {
        this.heard.push(event.iss)
      }
    }
    const { context } = await receive({
      imports: [
        BackchannelLogoutModule.forRoot(options()),
        BackchannelLogoutModule.forRoot({
          ...options({ issuers: [partner.trusted] }),
          name: 'partner',
          path: '/partner',
        }),
      ],
      providers: [Own2, Partner, Both],
    })
    await context
      .get<BackchannelLogout>(getBackchannelLogoutToken('partner'))
      .receive(await partner.logoutToken({ sub: 'bob' }))
    expect([Own2, Partner, Both].map((type) => context.get<{ heard: unknown[] }>(type).heard)).toEqual([
      ['alice'],
      ['bob'],
      [op.trusted.issuer, 'https://partner.example'],
    ])
    await context.close()
  })

  @Injectable({ scope: Scope.REQUEST })
  class Requested {
    readonly id = Symbol('request')
  }
  @Injectable()
  class Dependent extends listener() {
    @Inject(Requested)
    readonly requested!: Requested
  }
  const scoped = (scope: Scope): Type => {
    const Scoped = listener()
    Injectable({ scope })(Scoped)
    return Scoped
  }
  test.each<[string, Provider[], RegExp]>([
    [
      'is request-scoped',
      [scoped(Scope.REQUEST)],
      /^@OnLogout\(\) on Listener\.hear: its class is request-scoped or transient$/,
    ],
    [
      'is transient',
      [scoped(Scope.TRANSIENT)],
      /^@OnLogout\(\) on Listener\.hear: its class is request-scoped or transient$/,
    ],
    ['depends on a request-scoped provider', [Requested, Dependent], /^@OnLogout\(\) on Dependent\.hear: its class is/],
    [
      'names a registration that does not exist',
      [listener('partner')],
      /^@OnLogout\(\) on Listener\.hear: no BackchannelLogoutModule has the name "partner"$/,
    ],
  ])('is refused at the start on a provider that %s', async (_, providers, message) => {
    const app = await create(createAdapter, { imports: [BackchannelLogoutModule.forRoot(options())], providers })
    await expect(app.init()).rejects.toThrow(message)
    await app.close()
  })
})
