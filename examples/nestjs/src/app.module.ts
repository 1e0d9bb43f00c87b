import { BackchannelLogoutModule } from '@bcl/nestjs'
import { type DynamicModule, Inject, Module, type OnApplicationShutdown, UnauthorizedException } from '@nestjs/common'
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
import { CONFIG, SIGN_IN, STORES, STREAMS } from './tokens.ts'

@Module({})
export class AppModule implements OnApplicationShutdown {
  readonly #stores: Stores

  constructor(@Inject(STORES) stores: Stores) {
    this.#stores = stores
  }

  /** Nest runs this hook last. BackchannelLogoutModule has already written pending logouts. */
  onApplicationShutdown(): Promise<void> {
    return this.#stores.close()
  }

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
        { provide: STORES, useValue: stores },
        { provide: STREAMS, useValue: streams },
        ProviderKeys,
        Sessions,
        SignOutLog,
      ],
    }
  }
}
