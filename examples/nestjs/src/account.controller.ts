import type { BackchannelLogout } from '@bcl/core'
import { ActiveSessionGuard, InjectBackchannelLogout } from '@bcl/nestjs'
import {
  Controller,
  Get,
  HttpException,
  Inject,
  type MessageEvent,
  Req,
  ServiceUnavailableException,
  Sse,
  UnauthorizedException,
  UseFilters,
  UseGuards,
} from '@nestjs/common'
import type { Request } from 'express'
import { EMPTY, Observable } from 'rxjs'

import { signedInPage } from './page.ts'
import { ProviderKeys } from './provider-keys.ts'
import { Sessions } from './session.ts'
import type { Streams } from './shared/streams.ts'
import { SignedOutPageFilter } from './signed-out-page.filter.ts'
import { STREAMS } from './tokens.ts'

const HEARTBEAT_MS = 15_000

@Controller()
export class AccountController {
  readonly #sessions: Sessions
  readonly #logout: BackchannelLogout
  readonly #streams: Streams
  readonly #providerKeys: ProviderKeys

  constructor(
    @Inject(Sessions) sessions: Sessions,
    @InjectBackchannelLogout() logout: BackchannelLogout,
    @Inject(STREAMS) streams: Streams,
    @Inject(ProviderKeys) providerKeys: ProviderKeys,
  ) {
    this.#sessions = sessions
    this.#logout = logout
    this.#streams = streams
    this.#providerKeys = providerKeys
  }

  @Get()
  @UseGuards(ActiveSessionGuard)
  @UseFilters(SignedOutPageFilter)
  page(@Req() request: Request): string {
    return signedInPage(this.#signedIn(request))
  }

  @Get('me')
  @UseGuards(ActiveSessionGuard)
  me(@Req() request: Request): object {
    const { iss, sub, sid, iat } = this.#signedIn(request)
    return { iss, sub, sid: sid ?? null, iat }
  }

  // This route is not behind the guard. A page that was loaded just before the logout must still receive the event.
  @Sse('events')
  events(@Req() request: Request): Observable<MessageEvent> {
    const claims = this.#signedIn(request)
    // Express also uses this handler for HEAD. The answer to HEAD has no body, so there is no stream.
    if (request.method === 'HEAD') return EMPTY
    return new Observable((subscriber) => {
      const close = this.#streams.open(claims)
      if (typeof close === 'number') {
        return subscriber.error(new HttpException({ error: 'too many open streams' }, close))
      }
      const heartbeat = setInterval(() => subscriber.next({ comment: '' }), HEARTBEAT_MS)
      subscriber.add(() => {
        clearInterval(heartbeat)
        close()
      })
      subscriber.add(
        this.#logout.watch(claims, () => {
          subscriber.next({ type: 'logged-out', data: { at: new Date().toISOString() } })
          subscriber.complete()
        }),
      )
    })
  }

  @Get('healthz')
  healthz(): string {
    if (!this.#providerKeys.areReady()) throw new ServiceUnavailableException('no keys of the provider yet')
    return 'ok'
  }

  #signedIn(request: Request) {
    const claims = this.#sessions.claims(request)
    if (!claims) throw new UnauthorizedException({ error: 'not signed in' })
    return claims
  }
}
