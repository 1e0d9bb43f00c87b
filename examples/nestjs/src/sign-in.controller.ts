import { Controller, Get, Inject, Post, Query, Req, Res, SignedCookies } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { Request, Response } from 'express'

import type { Config } from './config.ts'
import { signInFailedPage } from './page.ts'
import { Sessions } from './session.ts'
import { logError, logSignInError } from './shared/log.ts'
import type { createSignIn, PendingSignIn } from './shared/sign-in.ts'
import { CONFIG, SIGN_IN } from './tokens.ts'

// Not in the session, because a logout that ends the old session must not end the new sign-in.
const PENDING = 'nestjs_sign_in'

type SignIn = ReturnType<typeof createSignIn>

@Controller()
export class SignInController {
  readonly #config: Config
  readonly #signIn: SignIn
  readonly #sessions: Sessions
  readonly #host: HttpAdapterHost

  constructor(
    @Inject(CONFIG) config: Config,
    @Inject(SIGN_IN) signIn: SignIn,
    @Inject(Sessions) sessions: Sessions,
    @Inject(HttpAdapterHost) host: HttpAdapterHost,
  ) {
    this.#config = config
    this.#signIn = signIn
    this.#sessions = sessions
    this.#host = host
  }

  @Get('login')
  async login(@Res() response: Response, @Query('login_hint') hint?: unknown): Promise<void> {
    try {
      const { url, pending } = await this.#signIn.start(typeof hint === 'string' ? hint : undefined)
      this.#setPending(response, JSON.stringify(pending), 10 * 60)
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
    this.#setPending(response, '', 0)
    const failed = (reason: string) => void response.status(400).send(signInFailedPage(reason))
    if (!pending) return failed('it was not started in this browser, or too long ago.')
    try {
      const { search } = new URL(request.originalUrl, this.#config.baseUrl)
      const { claims, idToken } = await this.#signIn.finish(search, JSON.parse(pending) as PendingSignIn)
      if (await this.#sessions.start(request, claims, idToken)) response.redirect('/')
      else failed('the provider has ended the session already.')
    } catch (error) {
      await logSignInError('Sign-in refused', error)
      failed('the answer of the provider was refused.')
    }
  }

  @Post('logout')
  async logout(@Req() request: Request, @Res() response: Response): Promise<void> {
    const { idToken } = request.session
    try {
      await this.#sessions.end(request)
      const url = await this.#signIn.endSessionUrl(idToken)
      response.redirect(303, url.href)
    } catch (error) {
      logError('Signed out here, but not at the provider', error)
      response.redirect(303, '/')
    }
  }

  #setPending(response: Response, value: string, maxAge: number): void {
    this.#host.httpAdapter.setCookie(response, PENDING, value, {
      signed: true,
      httpOnly: true,
      sameSite: 'lax',
      secure: this.#config.baseUrl.startsWith('https:'),
      maxAge,
    })
  }
}
