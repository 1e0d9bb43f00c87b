import { ActiveSessionGuard, BackchannelLogoutModule, getBackchannelLogoutToken } from '@bcl/nestjs'
import { testAdapter, type MountAdapter } from '@bcl/testing'
import { Controller, Get, UseGuards, type Type } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { Test } from '@nestjs/testing'
import { describe, test } from 'vitest'
import { listen, options, platforms, type CreateAdapter } from '../support.js'

@Controller()
class Me {
  @Get('me')
  me(): string {
    return 'active'
  }
}

@Controller()
class GuardedMe {
  @Get('me')
  @UseGuards(ActiveSessionGuard)
  me(): string {
    return 'active'
  }
}

const mountIn =
  (createAdapter: CreateAdapter, controller: Type, isGlobal: boolean): MountAdapter =>
  async (logout, sessionOf) => {
    const testing = await Test.createTestingModule({
      imports: [
        BackchannelLogoutModule.forRoot({
          ...options(),
          session: (context) =>
            sessionOf(
              context.switchToHttp().getRequest<{ headers: Record<string, string> }>().headers['x-test-session'],
            ),
        }),
      ],
      controllers: [controller],
      providers: isGlobal ? [{ provide: APP_GUARD, useClass: ActiveSessionGuard }] : [],
    })
      .overrideProvider(getBackchannelLogoutToken())
      .useValue(logout)
      .compile()
    return listen(testing.createNestApplication(createAdapter(), { logger: false }))
  }

describe.concurrent.each(platforms)('%s', (_, createAdapter) => {
  describe('with the guard on a route', () => testAdapter(test, mountIn(createAdapter, GuardedMe, false)))
  describe('with a global guard', () => testAdapter(test, mountIn(createAdapter, Me, true)))
})
