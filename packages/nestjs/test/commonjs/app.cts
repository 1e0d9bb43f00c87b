// An application with the settings of `nest new`: CommonJS, with decorator metadata of the compiler.
import 'reflect-metadata'
import { MemoryStore, type BackchannelLogout, type LogoutEvent } from '@bcl/core'
import { ActiveSessionGuard, BackchannelLogoutModule, InjectBackchannelLogout, OnLogout } from '@bcl/nestjs'
import { createTestIssuer } from '@bcl/testing'
import { Controller, Get, Injectable, Module, UseGuards, type ExecutionContext } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'

@Injectable()
class Heard {
  readonly events: LogoutEvent[] = []

  @OnLogout()
  hear(event: LogoutEvent): void {
    this.events.push(event)
  }
}

@Controller()
class Me {
  readonly #logout: BackchannelLogout
  readonly #heard: Heard

  constructor(@InjectBackchannelLogout() logout: BackchannelLogout, heard: Heard) {
    this.#logout = logout
    this.#heard = heard
  }

  @Get('me')
  @UseGuards(ActiveSessionGuard)
  me(): object {
    return { receives: typeof this.#logout.receive, heard: this.#heard.events.length }
  }
}

async function statuses(adapter: ExpressAdapter | FastifyAdapter): Promise<number[]> {
  const op = await createTestIssuer()
  @Module({
    imports: [
      BackchannelLogoutModule.forRootAsync({
        useFactory: async () => ({
          issuers: [op.trusted],
          sessionMaxAge: 3600,
          store: new MemoryStore(),
          session: (context: ExecutionContext) => (context.getType() === 'http' ? op.session() : null),
        }),
      }),
    ],
    controllers: [Me],
    providers: [Heard],
  })
  // oxlint-disable-next-line typescript/no-extraneous-class -- a Nest module can be an empty class
  class AppModule {}
  const app = await NestFactory.create(AppModule, adapter, { logger: false, abortOnError: false })
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as { port: number }
  const me = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/me`)).status
  const before = await me()
  const body = new URLSearchParams({ logout_token: await op.logoutToken() })
  const { status } = await fetch(`http://127.0.0.1:${port}/backchannel-logout`, { method: 'POST', body })
  const result = [before, status, await me(), app.get(Heard).events.length]
  app.getHttpServer().closeAllConnections()
  await app.close()
  return result
}

async function main(): Promise<void> {
  const results = [await statuses(new ExpressAdapter()), await statuses(new FastifyAdapter())]
  process.stdout.write(JSON.stringify(results))
}

void main()
