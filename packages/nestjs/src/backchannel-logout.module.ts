import { requireNames } from '@bcl/node'
import { Module } from '@nestjs/common'
import { DiscoveryModule } from '@nestjs/core'
import { ConfigurableModuleClass } from './backchannel-logout.module-definition.js'

/**
 * Adds the endpoint to which the OpenID Provider posts Logout Tokens, and the providers for the guards and decorators of this
 * package. The module is global, so you can import it in any module. Each import has one receiver and one endpoint. If you
 * import the module several times, give each import its own `name` and `path`.
 *
 * The endpoint answers exactly at `path`. On Express and on Fastify, the HTTP adapter runs the endpoint before
 * everything else. So the application's guards, pipes, interceptors, filters, prefixes, versions, body parsers and
 * middleware do not apply to the endpoint. Use `onDelivery` to log the requests to the endpoint. If you pass an Express
 * or Fastify instance to Nest, only the middleware of that instance runs earlier.
 *
 * On shutdown, the module waits for logouts in progress, and writes the logouts that the store has not taken yet. The module
 * also ends the subscription to broadcasts. The module begins in `onModuleDestroy`, and repeats these steps after the server
 * has been closed. Nest calls `onApplicationShutdown` later, so close the client of the store there. Nest runs these hooks
 * only if you call `app.close()` or `app.enableShutdownHooks()`.
 *
 * @example
 * ```ts
 * import { MemoryStore } from '@bcl/core'
 * import { BackchannelLogoutModule } from '@bcl/nestjs'
 * import { Module } from '@nestjs/common'
 *
 * @Module({
 *   imports: [
 *     BackchannelLogoutModule.forRoot({
 *       issuers: [{ issuer: 'https://op.example', clientId: 'my-client' }],
 *       sessionMaxAge: 8 * 60 * 60,
 *       store: new MemoryStore(),
 *       session: (context) => context.switchToHttp().getRequest().session?.claims,
 *     }),
 *     BackchannelLogoutModule.forRootAsync({
 *       name: 'partner',
 *       path: '/partner/backchannel-logout',
 *       useFactory: async () => ({
 *         issuers: [{ issuer: 'https://partner.example', clientId: 'my-client' }],
 *         sessionMaxAge: 8 * 60 * 60,
 *         store: new MemoryStore(),
 *       }),
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
export class BackchannelLogoutModule extends ConfigurableModuleClass {
  /** @throws {TypeError} if an option is unknown. Nest itself would ignore the option. */
  static override forRootAsync(options: Parameters<typeof ConfigurableModuleClass.forRootAsync>[0]) {
    requireNames(options, [
      'name',
      'path',
      'useFactory',
      'useClass',
      'useExisting',
      'inject',
      'imports',
      'provideInjectionTokensFrom',
    ])
    return super.forRootAsync(options)
  }
}

Module({ imports: [DiscoveryModule] })(BackchannelLogoutModule)
