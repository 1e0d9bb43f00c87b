import { BackchannelLogoutModule } from '@bcl/nestjs'
import { type DynamicModule, Module, UnauthorizedException } from '@nestjs/common'
import type { Request } from 'express'

import { AccountController } from './account.controller.ts'
import type { Config } from './config.ts'
import { ProviderKeys } from './provider-keys.ts'
import { claimsOf, destroySessionOf, Sessions } from './session.ts'
import { logDelivery, logError } from './shared/log.ts'
import { createSignIn } from './shared/sign-in.ts'
import { createStreams } from './shared/streams.ts'
import { SignInController } from './sign-in.controller.ts'
import { SignOutLog } from './sign-out-log.ts'
import { destroySession, type Stores } from './store.ts'
import { CONFIG, SIGN_IN, STREAMS } from './tokens.ts'

@Module({})
// oxlint-disable-next-line typescript/no-extraneous-class -- the way Nest writes a module that takes arguments
export class AppModule {
  static register(config: Config, stores: Stores, streams = createStreams()): DynamicModule {
    return {
      module: AppModule,
      imports: [
        BackchannelLogoutModule.forRoot({
          issuers: [config.trusted],
          sessionMaxAge: config.sessionMaxAge,
          store: stores.logouts,
          destroySession: (sessionId) => destroySession(stores.sessions, sessionId),
          onDelivery: logDelivery,
          onError: (error) => logError('Logouts, in the background', error),
          session: (context) => claimsOf(context.switchToHttp().getRequest<Request>(), config),
          onLoggedOut: async (context) => {
            await destroySessionOf(context.switchToHttp().getRequest<Request>())
            throw new UnauthorizedException({ error: 'not signed in' })
          },
        }),
      ],
      controllers: [AccountController, SignInController],
      providers: [
        { provide: CONFIG, useValue: config },
        { provide: SIGN_IN, useValue: createSignIn(config) },
        { provide: STREAMS, useValue: streams },
        ProviderKeys,
        Sessions,
        SignOutLog,
      ],
    }
  }
}
