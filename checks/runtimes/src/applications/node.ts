import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { expressApplication } from './express.ts'
import { fastifyApplication } from './fastify.ts'
import { koaApplication } from './koa.ts'
import { nestApplication } from './nestjs.ts'
import { tell } from './tell.ts'

const host = '127.0.0.1'

const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** Serves on a free port and returns the port. */
export function listen(listener: RequestListener): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer(listener).listen(0, host, () => resolve(portOf(server)))
  })
}

async function listenFastify(issuer: string): Promise<number> {
  const app = fastifyApplication(issuer)
  await app.listen({ host, port: 0 })
  return portOf(app.server)
}

async function listenNest(issuer: string, adapter: AbstractHttpAdapter): Promise<number> {
  const app = await NestFactory.create(nestApplication(issuer), adapter, { logger: ['error'] })
  await app.listen(0, host)
  return portOf(app.getHttpServer() as Server)
}

/** The applications that need Node's own `http`. */
export async function serveNodeApplications(provider: string): Promise<void> {
  tell('koa', await listen(koaApplication(`${provider}/koa`).callback()))
  tell('express', await listen(expressApplication(`${provider}/express`)))
  tell('fastify', await listenFastify(`${provider}/fastify`))
  tell('nestjs-express', await listenNest(`${provider}/nestjs-express`, new ExpressAdapter()))
  tell('nestjs-fastify', await listenNest(`${provider}/nestjs-fastify`, new FastifyAdapter()))
}
