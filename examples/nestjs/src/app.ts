import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import type { NextFunction, Request, Response } from 'express'

import { AppModule } from './app.module.ts'
import type { Config } from './config.ts'
import { sessionMiddleware } from './session.ts'
import type { Streams } from './shared/streams.ts'
import type { Stores } from './store.ts'

export async function createApp(config: Config, stores: Stores, streams?: Streams): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.register(config, stores, streams), {
    logger: ['warn', 'error', 'fatal'],
    abortOnError: false,
    // An open /events stream would keep the server running until its page is closed.
    forceCloseConnections: true,
    cookies: { secret: config.sessionSecret },
  })
  // The back-channel logout endpoint runs before the middleware and checks below.
  app.enableCsrfProtection({ trustedOrigins: [new URL(config.baseUrl).origin] })
  app.use((_request: Request, response: Response, next: NextFunction) => {
    response.setHeader('cache-control', 'no-store')
    next()
  })
  app.use(sessionMiddleware(config, stores.sessions))
  app.enableShutdownHooks()
  return app
}
