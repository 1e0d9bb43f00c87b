// This application has its own file, because the import of Nest takes long.
import 'reflect-metadata'
import { BackchannelLogoutModule } from '@bcl/nestjs'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { Server } from 'node:http'
import { optionsFor, started, type Started, type Trust } from './http-applications.ts'

export async function startNest(platform: 'express' | 'fastify', trust: Trust): Promise<Started> {
  const root = BackchannelLogoutModule.forRoot({ ...optionsFor(trust), session: () => undefined })
  const app =
    platform === 'express'
      ? await NestFactory.create(root, new ExpressAdapter(), { logger: false })
      : await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { logger: false })
  await app.listen(0, '127.0.0.1')
  return started(app.getHttpServer() as Server)
}
