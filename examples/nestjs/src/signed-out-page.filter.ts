import { type ArgumentsHost, Catch, type ExceptionFilter, UnauthorizedException } from '@nestjs/common'
import type { Response } from 'express'

import { signedOutPage } from './page.ts'

/** To a person at a browser, not being signed in is no error. */
@Catch(UnauthorizedException)
export class SignedOutPageFilter implements ExceptionFilter {
  catch(_error: UnauthorizedException, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().send(signedOutPage())
  }
}
