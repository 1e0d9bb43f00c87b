import 'reflect-metadata'
import type { SessionClaims } from '@bcl/core'
import { ActiveSessionGuard, BackchannelLogoutModule } from '@bcl/nestjs'
import {
  Controller,
  Get,
  Headers,
  Inject,
  Module,
  Redirect,
  Req,
  Res,
  UnauthorizedException,
  UseGuards,
  type DynamicModule,
  type ExecutionContext,
} from '@nestjs/common'
import { optionsFor } from './options.ts'
import { createSignIn, type SignIn, type Step } from './sign-in.ts'

/** The common members of an Express request and a Fastify request. */
interface Incoming {
  url: string
  headers: { host: string; cookie?: string }
}
interface Outgoing {
  header(name: string, value: string): unknown
}

const SIGN_IN = Symbol('sign-in')

const urlOf = ({ url, headers }: Incoming): URL => new URL(url, `http://${headers.host}`)

function goOn(response: Outgoing, { location, cookie }: Step): { url: string } {
  response.header('set-cookie', cookie)
  return { url: location }
}

@Controller()
class SignInController {
  readonly #signIn: SignIn

  constructor(@Inject(SIGN_IN) signIn: SignIn) {
    this.#signIn = signIn
  }

  @Get('login')
  @Redirect()
  async login(@Req() request: Incoming, @Res({ passthrough: true }) response: Outgoing): Promise<{ url: string }> {
    return goOn(response, await this.#signIn.start(urlOf(request)))
  }

  @Get('callback')
  @Redirect()
  async callback(@Req() request: Incoming, @Res({ passthrough: true }) response: Outgoing): Promise<{ url: string }> {
    return goOn(response, await this.#signIn.finish(urlOf(request), request.headers.cookie))
  }

  @Get('me')
  @UseGuards(ActiveSessionGuard)
  async me(@Headers('cookie') cookies: string | undefined): Promise<SessionClaims> {
    const session = await this.#signIn.session(cookies)
    if (!session) throw new UnauthorizedException()
    return session
  }
}

@Module({ controllers: [SignInController] })
class NestApplication {}

/** Creates the application on Express or on Fastify. */
export function nestApplication(issuer: string): DynamicModule {
  const signIn = createSignIn(issuer)
  const session = (context: ExecutionContext): Promise<SessionClaims | undefined> =>
    signIn.session(context.switchToHttp().getRequest<Incoming>().headers.cookie)
  return {
    module: NestApplication,
    imports: [BackchannelLogoutModule.forRoot({ ...optionsFor(issuer), session })],
    providers: [{ provide: SIGN_IN, useValue: signIn }],
  }
}
