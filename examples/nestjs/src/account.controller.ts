import type { BackchannelLogout } from '@bcl/core'
import { ActiveSessionGuard, InjectBackchannelLogout } from '@bcl/nestjs'
import {
  Controller,
  Get,
  Header,
  Inject,
  type MessageEvent,
  Req,
  Sse,
  UnauthorizedException,
  UseFilters,
  UseGuards,
} from '@nestjs/common'
import type { Request } from 'express'
import { Observable } from 'rxjs'

import { signedInPage } from './page.ts'
import { Sessions } from './session.ts'
import { SignedOutPageFilter } from './signed-out-page.filter.ts'

const HEARTBEAT_MS = 15_000

@Controller()
export class AccountController {
  readonly #sessions: Sessions
  readonly #logout: BackchannelLogout

  constructor(@Inject(Sessions) sessions: Sessions, @InjectBackchannelLogout() logout: BackchannelLogout) {
    this.#sessions = sessions
    this.#logout = logout
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

  // Not behind the guard: a page that was loaded just before the logout must still be told.
  @Sse('events')
  events(@Req() request: Request): Observable<MessageEvent> {
    const claims = this.#signedIn(request)
    return new Observable((subscriber) => {
      const heartbeat = setInterval(() => subscriber.next({ comment: '' }), HEARTBEAT_MS)
      const stopWatching = this.#logout.watch(claims, () => {
        subscriber.next({ type: 'logged-out', data: { at: new Date().toISOString() } })
        subscriber.complete()
      })
      return () => {
        clearInterval(heartbeat)
        stopWatching()
      }
    })
  }

  @Get('healthz')
  @Header('content-type', 'text/plain')
  healthz(): string {
    return 'ok'
  }

  #signedIn(request: Request) {
    const claims = this.#sessions.claims(request)
    if (!claims) throw new UnauthorizedException({ error: 'not signed in' })
    return claims
  }
}
