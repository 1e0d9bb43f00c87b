import { Module } from '@nestjs/common'
import { DiscoveryModule } from '@nestjs/core'
import { ConfigurableModuleClass } from './backchannel-logout.module-definition.js'

/**
 * The endpoint that the OpenID Provider posts Logout Tokens to, and the providers that the guards and decorators of this package
 * need. Import the module once for each registration, in any module. It is global.
 *
 * The endpoint answers exactly at `path`. It is the first thing that the HTTP adapter runs for a request, on Express and on
 * Fastify. So the guards, pipes, interceptors, filters, prefixes, versions, body parsers and middleware of the application do
 * not apply to it. Use `onDelivery` to log its requests. Only middleware that was added to an Express or Fastify instance
 * before Nest got this instance runs earlier.
 *
 * On shutdown the module waits for logouts under way, writes pending logouts to the store, and ends the subscription. It does
 * so in `onModuleDestroy`, and again when the server is closed. Close the client of the store in `onApplicationShutdown`, which
 * runs later. Call `app.close()` or `app.enableShutdownHooks()`, or Nest runs none of these hooks.
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
export class BackchannelLogoutModule extends ConfigurableModuleClass {}

Module({ imports: [DiscoveryModule] })(BackchannelLogoutModule)
