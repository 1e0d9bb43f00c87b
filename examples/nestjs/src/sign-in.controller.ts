import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import { ActiveSessionGuard, InjectBackchannelLogout } from '@bcl/nestjs'
import {
  Controller,
  Get,
  Inject,
  Post,
  Query,
  Req,
  Res,
  SignedCookies,
  UnauthorizedException,
  UseGuards,
} from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { Request, Response } from 'express'

import type { Config } from './config.ts'
import { signInFailedPage } from './page.ts'
import { Sessions } from './session.ts'
import { logSignInError } from './shared/log.ts'
import type { createSignIn, PendingSignIn } from './shared/sign-in.ts'
import { createSignOut } from './shared/sign-out.ts'
import { CONFIG, SIGN_IN } from './tokens.ts'

// The pending sign-in is not in the session, because a logout of the old session must not end the new sign-in.
const PENDING = 'nestjs_sign_in'
// A copy of the session's claims. With it, the user can sign out while the session store is down.
const CLAIMS = 'nestjs_sign_out'

type SignIn = ReturnType<typeof createSignIn>

@Controller()
export class SignInController {
  readonly #config: Config
  readonly #signIn: SignIn
  readonly #signOut: ReturnType<typeof createSignOut>
  readonly #sessions: Sessions
  readonly #host: HttpAdapterHost

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(SIGN_IN) signIn: SignIn,
    @InjectBackchannelLogout() logout: BackchannelLogout,
    @Inject(Sessions) sessions: Sessions,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
  ) {
    this.#config = config
    this.#signIn = signIn
    this.#signOut = createSignOut(logout, signIn)
    this.#sessions = sessions
    this.#host = host
  }

  @Get('login')
  async login(@Res() response: Response, @Query('login_hint') hint?: unknown): Promise<void> {
    try {
      const { url, pending } = await this.#signIn.start(typeof hint === 'string' ? hint : undefined)
      this.#setCookie(response, PENDING, JSON.stringify(pending), 10 * 60)
      response.redirect(url.href)
    } catch (error) {
      await logSignInError('Sign-in not started', error)
      response.status(503).send(signInFailedPage('the provider cannot be reached.'))
    }
  }

  @Get('callback')
  async callback(
    @Req() request: Request,
    @Res() response: Response,
    @SignedCookies(PENDING) pending?: string,
  ): Promise<void> {
    this.#setCookie(response, PENDING, '', 0)
    const failed = (reason: string) => void response.status(400).send(signInFailedPage(reason))
    if (!pending) return failed('it was not started in this browser, or it was started too long ago.')
    try {
      const { search } = new URL(request.originalUrl, this.#config.baseUrl)
      const { claims, idToken } = await this.#signIn.finish(search, JSON.parse(pending) as PendingSignIn)
      if (await this.#sessions.start(request, claims, idToken)) {
        this.#setCookie(response, CLAIMS, JSON.stringify(sessionClaims(claims)), this.#config.sessionMaxAge)
        response.redirect('/')
      } else failed('the provider has ended the session already.')
    } catch (error) {
      await logSignInError('Sign-in refused', error)
      failed('the answer of the provider was refused.')
    }
  }

  @Post('logout')
  async logout(
    @Req() request: Request,
    @Res() response: Response,
    @SignedCookies(CLAIMS) kept?: string,
  ): Promise<void> {
    const session = this.#sessions.read(request)
    const url = await this.#signOut.here(session ?? (kept ? { claims: JSON.parse(kept) as SessionClaims } : undefined))
    await this.#leave(request, response, url)
  }

  // This route is behind the guard. A stolen cookie of an ended session must not sign the user out everywhere.
  @Post('logout-everywhere')
  @UseGuards(ActiveSessionGuard)
  async logoutEverywhere(@Req() request: Request, @Res() response: Response): Promise<void> {
    const session = this.#sessions.read(request)
    if (!session) throw new UnauthorizedException({ error: 'not signed in' })
    await this.#leave(request, response, await this.#signOut.everywhere(session))
  }

  async #leave(request: Request, response: Response, url: string): Promise<void> {
    await this.#sessions.clear(request, response)
    this.#setCookie(response, CLAIMS, '', 0)
    response.redirect(303, url)
  }

  #setCookie(response: Response, name: string, value: string, maxAge: number): void {
    this.#host.httpAdapter.setCookie(response, name, value, {
      signed: true,
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#config.baseUrl.startsWith('https:'),
      maxAge,
    })
  }
}
