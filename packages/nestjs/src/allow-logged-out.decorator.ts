import type { CustomDecorator, ExecutionContext } from '@nestjs/common'
import { metadataOf, SetMetadata } from './metadata.js'

const KEY = 'ALLOW_LOGGED_OUT'

/** Tells whether the method or its class has `@AllowLoggedOut()`. */
export const allowsLoggedOut = (context: ExecutionContext): true | undefined =>
  metadataOf(KEY, context.getHandler(), context.getClass())

/**
 * Lets requests to a method, or to all methods of a class, pass the guards without a check of the session. If a guard
 * is global, use this decorator for the sign-in routes. Otherwise a user whose session was logged out cannot sign in
 * again.
 *
 * If a class has this decorator, the guard also checks no route of the classes that extend this class.
 *
 * @example
 * ```ts
 * import { AllowLoggedOut } from '@bcl/nestjs'
 * import { Controller, Get, Redirect } from '@nestjs/common'
 *
 * @Controller()
 * @AllowLoggedOut()
 * export class SignInController {
 *   @Get('login')
 *   @Redirect('https://op.example.com/authorize')
 *   login() {}
 * }
 * ```
 */
export const AllowLoggedOut = (): CustomDecorator => SetMetadata(KEY, true)
