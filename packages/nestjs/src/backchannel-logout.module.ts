import { Module } from '@nestjs/common'
import { DiscoveryModule } from '@nestjs/core'
import { ConfigurableModuleClass } from './backchannel-logout.module-definition.js'

/**
 * The endpoint that the OpenID Provider posts Logout Tokens to, and what the guards and decorators of this package need.
 * Import it once for each registration, in any module: it is global.
 *
 * The endpoint stands at exactly `path`, whatever the application does around it. A controller would stand behind
 * global guards, pipes, interceptors, prefixes and versions, a module's middleware behind what `main` puts into
 * `app.use`; so it is neither, but the first thing that the HTTP adapter runs, on Express and on Fastify, before any
 * body is parsed. Nothing that the application does for all routes is done for it: no logging interceptor, no
 * exception filter; `onDelivery` tells of its requests.
 *
 * Only what has been added to an Express or Fastify instance before Nest got it comes earlier.
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
