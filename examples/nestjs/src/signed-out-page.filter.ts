import { type ArgumentsHost, Catch, type ExceptionFilter, UnauthorizedException } from '@nestjs/common'
import type { Response } from 'express'

import { signedOutPage } from './page.ts'

/** Shows the start page instead of an error to a browser without a session. */
@Catch(UnauthorizedException)
export class SignedOutPageFilter implements ExceptionFilter {
  catch(_error: UnauthorizedException, host: ArgumentsHost): void {
    host.switchToHttp().getResponse<Response>().send(signedOutPage())
  }
}
