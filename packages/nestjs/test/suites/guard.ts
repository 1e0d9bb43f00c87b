import type { BackchannelLogout, SessionClaims } from '@bcl/core'
import { ActiveSessionGuard, activeSessionGuard, BackchannelLogoutModule, getBackchannelLogoutToken } from '@bcl/nestjs'
import { createTestIssuer } from '@bcl/testing'
import { Controller, ForbiddenException, Get, Injectable, UseGuards } from '@nestjs/common'
import { ExternalContextCreator } from '@nestjs/core'
import { WsAdapter } from '@nestjs/platform-ws'
import { SubscribeMessage, WebSocketGateway, WsException } from '@nestjs/websockets'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { brokenStore, create, form, listen, op, options, path, platforms, run } from '../support.js'

interface WithClaims {
  claims?: SessionClaims
}

const me = (guard = ActiveSessionGuard): new () => object => {
  @Controller()
  @UseGuards(guard)
  class Me {
    @Get('me')
    me(): string {
      return 'active'
    }
  }
  return Me
}

describe.each(platforms)('the guard on %s', (_, createAdapter) => {
  test('after a logout, calls onLoggedOut and throws the exception of onLoggedOut', async () => {
    const seen: unknown[] = []
    const running = await run(createAdapter, {
      imports: [
        BackchannelLogoutModule.forRoot({
          ...options(),
          session: async () => op.session(),
          async onLoggedOut(context) {
            const { url } = context.switchToHttp().getRequest<{ url: string }>()
            seen.push(url)
            if (url === '/me?other') throw new ForbiddenException()
          },
        }),
      ],
      controllers: [me()],
    })
    expect((await running.fetch('/me')).status).toBe(200)
    expect((await running.fetch(path, await form())).status).toBe(200)
    expect((await running.fetch('/me')).status).toBe(401)
    expect((await running.fetch('/me?other')).status).toBe(403)
    expect(seen).toEqual(['/me', '/me?other'])
    await running.close()
  })

  test('if the store is down, calls onUnavailable and throws the exception of onUnavailable', async () => {
    const seen: unknown[] = []
    const running = await run(createAdapter, {
      imports: [
        BackchannelLogoutModule.forRoot({
          ...options({ store: brokenStore }),
          session: () => op.session(),
          onUnavailable(context, error) {
            seen.push((error as { code: unknown }).code)
            if (context.switchToHttp().getRequest<{ url: string }>().url === '/me?other') throw new ForbiddenException()
          },
        }),
      ],
      controllers: [me()],
    })
    const response = await running.fetch('/me')
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { message: 'Service Unavailable', statusCode: 503 },
    ])
    expect((await running.fetch('/me?other')).status).toBe(403)
    expect(seen).toEqual(['ERR_LOGOUT_FAILED', 'ERR_LOGOUT_FAILED'])
    await running.close()
  })

  test('uses the registration of its name', async () => {
    const partner = await createTestIssuer({ issuer: 'https://partner.example' })
    const running = await run(createAdapter, {
      imports: [
        BackchannelLogoutModule.forRoot({ ...options(), session: () => op.session() }),
        BackchannelLogoutModule.forRootAsync({
          name: 'partner',
          path: '/partner',
          useFactory: () => ({ ...options({ issuers: [partner.trusted] }), session: () => partner.session() }),
        }),
      ],
      controllers: [me(activeSessionGuard('partner'))],
    })
    expect((await running.fetch(path, await form())).status).toBe(200)
    expect((await running.fetch('/me')).status).toBe(200)
    const token = await partner.logoutToken()
    expect(
      (await running.fetch('/partner', { method: 'POST', body: new URLSearchParams({ logout_token: token }) })).status,
    ).toBe(200)
    expect((await running.fetch('/me')).status).toBe(401)
    await running.close()
  })
})

test('a guard without the option session is an error at the start', async () => {
  const start = create(platforms[0]![1], { imports: [BackchannelLogoutModule.forRoot(options())], controllers: [me()] })
  await expect(start).rejects.toThrow(/^ActiveSessionGuard needs the option session of BackchannelLogoutModule$/)
})

test('activeSessionGuard returns the same class for the same name', () => {
  expect(activeSessionGuard('a')).toBe(activeSessionGuard('a'))
  expect(activeSessionGuard('a')).not.toBe(activeSessionGuard('b'))
})

test('the guard checks a GraphQL resolver that runs as in @nestjs/graphql', async () => {
  @Injectable()
  class Resolver {
    @UseGuards(ActiveSessionGuard)
    me(): string {
      return 'active'
    }
  }
  const app = await create(platforms[0]![1], {
    imports: [
      BackchannelLogoutModule.forRoot({
        ...options(),
        // The value of GqlExecutionContext.create(context).getContext().
        session: (context) =>
          context.getType<string>() === 'graphql' ? context.getArgByIndex<WithClaims>(2).claims : undefined,
      }),
    ],
    providers: [Resolver],
  })
  const resolver = app.get(Resolver)
  const resolve = app
    .get(ExternalContextCreator)
    .create(resolver, resolver.me, 'me', undefined, undefined, undefined, undefined, undefined, 'graphql')
  const query = async (claims?: SessionClaims): Promise<unknown> => resolve({}, {}, { claims }, {})
  expect(await query(op.session())).toBe('active')
  await app.get<BackchannelLogout>(getBackchannelLogoutToken()).receive(await op.logoutToken())
  await expect(query(op.session())).rejects.toMatchObject({ status: 401 })
  expect(await query(op.session({ sid: 'session-2' }))).toBe('active')
  expect(await query()).toBe('active')
  await app.close()
})

test('the guard checks messages of a WebSocket', async () => {
  @WebSocketGateway()
  class Gateway {
    @SubscribeMessage('me')
    @UseGuards(ActiveSessionGuard)
    me(): object {
      return { event: 'me', data: 'active' }
    }
  }
  const app = await create(platforms[0]![1], {
    imports: [
      BackchannelLogoutModule.forRoot({
        ...options(),
        session: (context) =>
          context.getType() === 'ws' ? context.switchToWs().getData<WithClaims>().claims : undefined,
        onLoggedOut(context) {
          context.switchToWs().getClient<{ close(code: number): void }>().close(4401)
          throw new WsException('logged out')
        },
      }),
    ],
    providers: [Gateway],
  })
  const running = await listen(app.useWebSocketAdapter(new WsAdapter(app)))
  const socket = new WebSocket(`ws://127.0.0.1:${running.port}`)
  await once(socket, 'open')
  const answers: unknown[] = []
  socket.addEventListener('message', ({ data }) => answers.push(JSON.parse(String(data))))
  const ask = (claims?: SessionClaims): void => socket.send(JSON.stringify({ event: 'me', data: { claims } }))
  ask()
  await once(socket, 'message')
  ask(op.session())
  await once(socket, 'message')
  expect((await running.fetch(path, await form())).status).toBe(200)
  ask(op.session())
  const [{ code }] = (await once(socket, 'close')) as [CloseEvent]
  expect(code).toBe(4401)
  expect(answers.filter((answer) => (answer as { event: unknown }).event === 'me')).toHaveLength(2)
  await running.close()
})
