import type { BackchannelLogout } from '@bcl/core'
import {
  ActiveSessionGuard,
  activeSessionGuard,
  AllowLoggedOut,
  BackchannelLogoutModule,
  getBackchannelLogoutToken,
} from '@bcl/nestjs'
import { Controller, Get, Injectable, UseGuards, type ExecutionContext } from '@nestjs/common'
import { APP_GUARD, ExternalContextCreator } from '@nestjs/core'
import { describe, expect, test } from 'vitest'
import { brokenStore, create, form, op, options, path, platforms, run } from '../support.js'

@Controller()
class SignIn {
  @AllowLoggedOut()
  @Get('login')
  login(): string {
    return 'login'
  }

  @Get('me')
  me(): string {
    return 'me'
  }
}

@AllowLoggedOut()
@Controller('public')
class Public {
  @Get('about')
  about(): string {
    return 'about'
  }
}

class PublicBase {
  @AllowLoggedOut()
  @Get('help')
  help(): string {
    return 'help'
  }
}

@Controller('inherited')
class Inherited extends PublicBase {}

@Controller('extended')
class Extended extends Public {
  @Get('more')
  more(): string {
    return 'more'
  }
}

@Controller('partner')
@UseGuards(activeSessionGuard('partner'))
class Partner {
  @AllowLoggedOut()
  @Get('login')
  login(): string {
    return 'login'
  }

  @Get('me')
  me(): string {
    return 'me'
  }
}

const session = () => op.session()
const global = { provide: APP_GUARD, useClass: ActiveSessionGuard }

describe.each(platforms)('AllowLoggedOut on %s', (_, createAdapter) => {
  test('with a global guard, a logged-out user can sign in again', async () => {
    const running = await run(createAdapter, {
      imports: [BackchannelLogoutModule.forRoot({ ...options(), session })],
      controllers: [SignIn, Public, Inherited, Extended],
      providers: [global],
    })
    const statuses = (...paths: string[]): Promise<number[]> =>
      Promise.all(paths.map(async (each) => (await running.fetch(each)).status))
    const open = ['/login', '/public/about', '/inherited/help', '/extended/more']
    expect(await statuses('/me', ...open)).toEqual([200, 200, 200, 200, 200])
    expect((await running.fetch(path, await form())).status).toBe(200)
    expect(await statuses('/me', ...open)).toEqual([401, 200, 200, 200, 200])
    await running.close()
  })

  test('the guard does not call the store, `session` or `onLoggedOut`', async () => {
    const called: string[] = []
    const running = await run(createAdapter, {
      imports: [
        BackchannelLogoutModule.forRoot({
          ...options({ store: brokenStore }),
          session(context: ExecutionContext) {
            called.push(context.getHandler().name)
            return op.session()
          },
          onLoggedOut: () => void called.push('onLoggedOut'),
          onUnavailable: () => void called.push('onUnavailable'),
        }),
      ],
      controllers: [SignIn],
      providers: [global],
    })
    expect((await running.fetch('/login')).status).toBe(200)
    expect(called).toEqual([])
    expect((await running.fetch('/me')).status).toBe(503)
    expect(called).toEqual(['me', 'onUnavailable'])
    await running.close()
  })

  test('also works with a named guard', async () => {
    const running = await run(createAdapter, {
      imports: [BackchannelLogoutModule.forRoot({ ...options(), name: 'partner', session })],
      controllers: [Partner],
    })
    expect((await running.fetch(path, await form())).status).toBe(200)
    expect((await running.fetch('/partner/me')).status).toBe(401)
    expect((await running.fetch('/partner/login')).status).toBe(200)
    await running.close()
  })
})

test('AllowLoggedOut opens a GraphQL resolver that runs as in @nestjs/graphql', async () => {
  @Injectable()
  class Resolver {
    @AllowLoggedOut()
    @UseGuards(ActiveSessionGuard)
    version(): string {
      return '1'
    }

    @UseGuards(ActiveSessionGuard)
    me(): string {
      return 'me'
    }
  }
  const app = await create(platforms[0]![1], {
    imports: [BackchannelLogoutModule.forRoot({ ...options(), session })],
    providers: [Resolver],
  })
  const resolver = app.get(Resolver)
  const resolve = (name: 'me' | 'version'): unknown =>
    app
      .get(ExternalContextCreator)
      .create(
        resolver,
        resolver[name],
        name,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        'graphql',
      )({}, {}, {})
  await app.get<BackchannelLogout>(getBackchannelLogoutToken()).receive(await op.logoutToken())
  await expect(resolve('me')).rejects.toMatchObject({ status: 401 })
  expect(await resolve('version')).toBe('1')
  await app.close()
})
