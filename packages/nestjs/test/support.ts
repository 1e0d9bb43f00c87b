import 'reflect-metadata'
import { MemoryStore, type BackchannelLogoutOptions, type LogoutStore } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { Module, type INestApplication, type ModuleMetadata, type NestApplicationOptions } from '@nestjs/common'
import { NestFactory, type AbstractHttpAdapter } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'

export type CreateAdapter = () => AbstractHttpAdapter

export const platforms: [string, CreateAdapter][] = [
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
]

export const op: TestIssuer = await createTestIssuer()

export const path = '/backchannel-logout'

/** The required options. */
export const options = (more: Partial<BackchannelLogoutOptions> = {}): BackchannelLogoutOptions => ({
  issuers: [op.trusted],
  sessionMaxAge: 3600,
  store: new MemoryStore(),
  ...more,
})

const broken = async (): Promise<never> => {
  throw new Error('the store is down')
}

export const brokenStore: LogoutStore = { add: broken, values: broken, remove: broken }

export const form = async (claims?: object): Promise<RequestInit> => ({
  method: 'POST',
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: `logout_token=${await op.logoutToken(claims)}`,
})

/** The root module of an application. */
export function rootModule(metadata: ModuleMetadata): new () => object {
  // oxlint-disable-next-line typescript/no-extraneous-class -- a Nest module can be an empty class
  class AppModule {}
  Module(metadata)(AppModule)
  return AppModule
}

export const create = async (
  createAdapter: CreateAdapter,
  metadata: ModuleMetadata,
  nestOptions: NestApplicationOptions = {},
): Promise<INestApplication> =>
  NestFactory.create(rootModule(metadata), createAdapter(), { logger: false, abortOnError: false, ...nestOptions })

export interface Running {
  app: INestApplication
  port: number
  fetch(path: string, init?: RequestInit): Promise<Response>
  close(): Promise<void>
}

/** Starts the application on loopback. */
export async function listen(app: INestApplication): Promise<Running> {
  await app.listen(0, '127.0.0.1')
  const { port } = app.getHttpServer().address() as { port: number }
  return {
    app,
    port,
    fetch: (target, init) => fetch(`http://127.0.0.1:${port}${target}`, { redirect: 'manual', ...init }),
    async close() {
      app.getHttpServer().closeAllConnections()
      await app.close()
    },
  }
}

export const run = async (...args: Parameters<typeof create>): Promise<Running> => listen(await create(...args))
