// The servers whose pages are counted: one that greets, with the check of a session before it and without.
import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { activeSession as honoCheck } from '@bcl/hono'
import { activeSession as koaCheck } from '@bcl/koa'
import { RedisStore } from '@bcl/redis'
import { serve } from '@hono/node-server'
import { Hono, type MiddlewareHandler } from 'hono'
import Koa from 'koa'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from 'redis'
import type { Start, Trust } from './http-applications.ts'

/** How many sessions take turns. */
const many = 1000

/** The client and its cache, as docs/stores.md has them. */
async function redisStore(): Promise<LogoutStore> {
  const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
  const cache = { ttl: 30_000, maxEntries: 100_000 }
  const client = createClient({ url, RESP: 3, clientSideCache: cache, pingInterval: 10_000 })
  return new RedisStore(await client.on('error', console.error).connect(), { prefix: `bcl-bench-${randomUUID()}:` })
}

function check(store: LogoutStore, { issuer, clientId, jwks }: Trust) {
  const logout: BackchannelLogout = createBackchannelLogout({
    issuers: [{ issuer, clientId, keys: jwks }],
    sessionMaxAge: 8 * 3600,
    store,
  })
  const iat = Math.floor(Date.now() / 1000)
  const sessions = Array.from({ length: many }, () => ({ iss: issuer, sub: randomUUID(), sid: randomUUID(), iat }))
  let next = 0
  return { logout, session: () => sessions[next++ % many] }
}

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

function startHono(before?: MiddlewareHandler): Promise<number> {
  const app = new Hono()
  if (before) app.use(before)
  app.get('/', (c) => c.text('hello'))
  return portOf(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
}

function startKoa(before?: Koa.Middleware): Promise<number> {
  const app = new Koa()
  if (before) app.use(before)
  app.use((ctx) => {
    ctx.body = 'hello'
  })
  return portOf(app.listen(0, '127.0.0.1'))
}

const hono = async (store: LogoutStore, trust: Trust): Promise<number> => {
  const { logout, session } = check(store, trust)
  return startHono(honoCheck(logout, { session }))
}
const koa = async (store: LogoutStore, trust: Trust): Promise<number> => {
  const { logout, session } = check(store, trust)
  return startKoa(koaCheck(logout, { session }))
}

export const greetings: Record<string, Start> = {
  'Hono, checked in memory': (trust) => hono(new MemoryStore(), trust),
  'Hono, checked in Redis': async (trust) => hono(await redisStore(), trust),
  'Hono, an idle middleware': () => startHono((_, next) => next()),
  'Hono, not checked': () => startHono(),
  'Koa, checked in memory': (trust) => koa(new MemoryStore(), trust),
  'Koa, checked in Redis': async (trust) => koa(await redisStore(), trust),
  'Koa, an idle middleware': () => startKoa((_, next) => next()),
  'Koa, not checked': () => startKoa(),
}
