import { BackchannelLogoutModule } from '@bcl/nestjs'
import { type DynamicModule, Module, UnauthorizedException } from '@nestjs/common'
import type { Request } from 'express'

import { AccountController } from './account.controller.ts'
import { type Config, CONFIG } from './config.ts'
import { claimsOf, destroySessionOf, Sessions } from './session.ts'
import { SignInController } from './sign-in.controller.ts'
import { createSignIn, SIGN_IN } from './sign-in.ts'
import { SignOutLog } from './sign-out-log.ts'
import { destroySession, type Stores } from './store.ts'

@Module({})
// oxlint-disable-next-line typescript/no-extraneous-class -- the way Nest writes a module that takes arguments
export class AppModule {
  static register(config: Config, stores: Stores): DynamicModule {
    return {
      module: AppModule,
      imports: [
        BackchannelLogoutModule.forRoot({
          issuers: [{ issuer: config.issuer, clientId: config.clientId }],
          sessionMaxAge: config.sessionMaxAge,
          store: stores.logouts,
          destroySession: (sessionId) => destroySession(stores.sessions, sessionId),
          onError: (error) => console.error(error),
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
        Sessions,
        SignOutLog,
      ],
    }
  }
}
