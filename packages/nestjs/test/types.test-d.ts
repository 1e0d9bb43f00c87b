import { MemoryStore, type LogoutEvent, type SessionClaims } from '@bcl/core'
import {
  ActiveSessionGuard,
  activeSessionGuard,
  BackchannelLogoutModule,
  InjectBackchannelLogout,
  OnLogout,
  type BackchannelLogoutModuleOptions,
  type BackchannelLogoutOptionsFactory,
} from '@bcl/nestjs'
import { UseGuards, type DynamicModule, type ExecutionContext } from '@nestjs/common'

declare const sessionOf: (context: ExecutionContext) => Promise<SessionClaims | undefined>

const options: BackchannelLogoutModuleOptions = {
  issuers: [{ issuer: 'https://op.example', clientId: 'my-client' }],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
  session: sessionOf,
}
class Factory implements BackchannelLogoutOptionsFactory {
  createBackchannelLogoutOptions(): BackchannelLogoutModuleOptions {
    return options
  }
}

export const modules: DynamicModule[] = [
  BackchannelLogoutModule.forRoot(options),
  BackchannelLogoutModule.forRoot({ ...options, name: 'partner', path: '/partner' }),
  BackchannelLogoutModule.forRootAsync({ useFactory: async () => options, name: 'partner', path: '/partner' }),
  BackchannelLogoutModule.forRootAsync({
    useFactory: (store: MemoryStore) => ({ ...options, store }),
    inject: ['store'],
  }),
  BackchannelLogoutModule.forRootAsync({ useClass: Factory }),
  BackchannelLogoutModule.forRootAsync({ useExisting: Factory }),
  // @ts-expect-error -- the options of createBackchannelLogout are required
  BackchannelLogoutModule.forRoot({ session: sessionOf }),
  // @ts-expect-error -- a path is a string
  BackchannelLogoutModule.forRoot({ ...options, path: 1 }),
  // @ts-expect-error -- a session has a subject
  BackchannelLogoutModule.forRoot({ ...options, session: () => ({ iss: 'https://op.example', iat: 1 }) }),
  // @ts-expect-error -- a factory returns options
  BackchannelLogoutModule.forRootAsync({ useFactory: () => ({ sessionMaxAge: 3600 }) }),
]

@UseGuards(ActiveSessionGuard, activeSessionGuard('partner'))
export class Listening {
  @InjectBackchannelLogout()
  readonly logout!: unknown

  @OnLogout()
  sync(event: LogoutEvent): string {
    return event.iss
  }

  @OnLogout('partner')
  async asynchronous(): Promise<void> {}

  // @ts-expect-error -- a listener gets an event
  @OnLogout()
  wrong(event: string): string {
    return event
  }

  // @ts-expect-error -- a listener gets only an event
  @OnLogout()
  more(event: LogoutEvent, more: string): string {
    return event.iss + more
  }

  // @ts-expect-error -- Nest does not find a method that a symbol names
  @OnLogout()
  [Symbol.iterator](): void {}

  // @ts-expect-error -- a property cannot be a listener
  @OnLogout()
  readonly property = 1
}
