// NestJS on Express, with logouts remembered in memory.
import 'reflect-metadata'
import assert from 'node:assert/strict'
import { MemoryStore, type BackchannelLogout, type LogoutEvent } from '@bcl/core'
import {
  ActiveSessionGuard,
  AllowLoggedOut,
  BackchannelLogoutModule,
  getBackchannelLogoutToken,
  InjectBackchannelLogout,
  OnLogout,
} from '@bcl/nestjs'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { Controller, Get, Injectable, Module, type DynamicModule } from '@nestjs/common'
import { APP_GUARD, NestFactory } from '@nestjs/core'

@Injectable()
class Listener {
  readonly heard: LogoutEvent[] = []

  @OnLogout()
  hear(event: LogoutEvent): void {
    this.heard.push(event)
  }
}

@Controller('account')
class Account {
  constructor(@InjectBackchannelLogout() private readonly logout: BackchannelLogout) {}

  @Get()
  read(): string {
    return typeof this.logout.receive
  }

  @AllowLoggedOut()
  @Get('help')
  help(): string {
    return 'help'
  }
}

@Module({})
class App {
  static with(op: TestIssuer): DynamicModule {
    return {
      module: App,
      imports: [
        BackchannelLogoutModule.forRoot({
          issuers: [op.trusted],
          sessionMaxAge: 3600,
          store: new MemoryStore(),
          session: () => op.session({ sub: 'alice', sid: 'session-1' }),
        }),
      ],
      controllers: [Account],
      providers: [Listener, { provide: APP_GUARD, useClass: ActiveSessionGuard }],
    }
  }
}

async function main(): Promise<void> {
  const op = await createTestIssuer()
  const app = await NestFactory.create(App.with(op), { logger: false })
  await app.listen(0, '127.0.0.1')
  const origin = await app.getUrl()
  const logout = app.get<BackchannelLogout>(getBackchannelLogoutToken())

  assert.equal(await (await fetch(`${origin}/account`)).text(), 'function')
  const body = new URLSearchParams({ logout_token: await op.logoutToken({ sub: 'alice', sid: 'session-1' }) })
  assert.equal((await fetch(`${origin}/backchannel-logout`, { method: 'POST', body })).status, 200)
  assert.equal(await logout.isLoggedOut(op.session({ sub: 'alice', sid: 'session-1' })), true)
  assert.equal((await fetch(`${origin}/account`)).status, 401)
  assert.equal((await fetch(`${origin}/account/help`)).status, 200)
  assert.deepEqual(
    app.get(Listener).heard.map(({ sid }) => sid),
    ['session-1'],
  )
  await app.close()
}

void main()
