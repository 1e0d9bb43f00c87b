// The applications of the page benchmark: with the session check, or with an idle middleware that only reads the session.
import { createBackchannelLogout, MemoryStore, type LogoutStore, type SessionClaims } from '@bcl/core'
import { activeSession as expressCheck } from '@bcl/express'
import { activeSession as fastifyCheck } from '@bcl/fastify'
import { activeSession as honoCheck } from '@bcl/hono'
import { activeSession as koaCheck } from '@bcl/koa'
import { serve } from '@hono/node-server'
import express, { type RequestHandler } from 'express'
import Fastify from 'fastify'
import { Hono, type MiddlewareHandler } from 'hono'
import Koa from 'koa'
import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { atOnce } from '../measure/measure.ts'
import { optionsFor, started, type Start, type Started, type Trust } from './http-applications.ts'
import { drivers, type Connected } from '../stores/store-drivers.ts'

interface Visitors {
  logout: ReturnType<typeof createBackchannelLogout>
  /**
   * Picks a random session for the next request, and parses its text, like the text of a cookie. Returns a promise,
   * because most applications read the session asynchronously. The idle middleware also waits for this promise.
   */
  session: () => Promise<SessionClaims>
}

/** The same page on each framework, with or without the check. */
const frameworks: Record<string, (visitors: Visitors, isChecked: boolean) => Promise<Started>> = {
  Hono({ logout, session }, isChecked) {
    const idle: MiddlewareHandler = async (_, next) => {
      await session()
      return next()
    }
    const app = new Hono().use(isChecked ? honoCheck(logout, { session }) : idle).get('/', (c) => c.text('hello'))
    return started(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
  Koa({ logout, session }, isChecked) {
    const idle: Koa.Middleware = async (_, next) => {
      await session()
      return next()
    }
    const app = new Koa().use(isChecked ? koaCheck(logout, { session }) : idle)
    app.use((ctx) => {
      ctx.body = 'hello'
    })
    return started(app.listen(0, '127.0.0.1'))
  },
  Express({ logout, session }, isChecked) {
    const idle: RequestHandler = async (_request, _response, next) => {
      await session()
      next()
    }
    const app = express().use(isChecked ? expressCheck(logout, { session }) : idle)
    app.get('/', (_, response) => void response.send('hello'))
    return started(app.listen(0, '127.0.0.1'))
  },
  async Fastify({ logout, session }, isChecked) {
    const idle = async (): Promise<void> => void (await session())
    const app = Fastify()
    app.addHook('preHandler', isChecked ? fastifyCheck(logout, { session }) : idle)
    app.get('/', async () => 'hello')
    await app.listen({ port: 0, host: '127.0.0.1' })
    return started(app.server)
  },
}

/** The `recheckAfter` of the pages with a database. The pages with a store in memory read the store for each page. */
export const recheckAfter = 10

const stores: Record<string, { recheckAfter: number; connect: () => Promise<Pick<Connected, 'store' | 'close'>> }> = {
  'in memory': { recheckAfter: 0, connect: async () => ({ store: new MemoryStore(), close: async () => {} }) },
  Redis: { recheckAfter, connect: drivers['node-redis']! },
  PostgreSQL: { recheckAfter, connect: drivers['pg']! },
  MariaDB: { recheckAfter, connect: drivers['mysql2']! },
  SQLite: { recheckAfter, connect: drivers['node:sqlite']! },
}

function countReads(store: LogoutStore): () => number {
  let reads = 0
  const values = store.values.bind(store)
  store.values = (keys) => {
    reads += 1
    return values(keys)
  }
  return () => reads
}

function start(framework: string, kind: string, isChecked: boolean): Start {
  return async (trust: Trust) => {
    const { recheckAfter: seconds, connect } = stores[kind]!
    const { store, close } = await connect()
    const reads = countReads(store)
    // The time-out is long, because on a busy machine a shorter time-out would only measure the other work.
    const logout = createBackchannelLogout({ ...optionsFor(trust), store, recheckAfter: seconds, storeTimeout: 60 })
    const iat = Math.floor(Date.now() / 1000)
    const count = Number(process.env['BENCH_SESSIONS'])
    const cookies = Array.from({ length: count }, () =>
      JSON.stringify({ iss: trust.issuer, sub: randomUUID(), sid: randomUUID(), iat }),
    )
    const parse = (cookie: string) => JSON.parse(cookie) as SessionClaims
    const session = async () => parse(cookies[Math.floor(Math.random() * count)]!)
    const checkAll = (): Promise<void> => atOnce(50, cookies, (cookie) => logout.isLoggedOut(parse(cookie)))
    // Checks twice. The first check subscribes to broadcasts, and answers from before the subscription are not reused.
    const warm = (): Promise<void> => checkAll().then(checkAll)
    return { ...(await frameworks[framework]!({ logout, session }, isChecked)), reads, warm, close }
  }
}

/** The pages with the check, by framework and store. */
export const checkedPages: readonly [framework: string, store: string][] = [
  ['Hono', 'in memory'],
  ['Koa', 'in memory'],
  ['Express', 'in memory'],
  ['Fastify', 'in memory'],
  ['Koa', 'Redis'],
  ['Koa', 'PostgreSQL'],
  ['Koa', 'MariaDB'],
  ['Koa', 'SQLite'],
]

export const pages: Record<string, Start> = Object.fromEntries([
  ...checkedPages.map(([framework, store]) => [`${framework}, ${store}`, start(framework, store, true)]),
  ...Object.keys(frameworks).map((framework) => [`${framework}, idle`, start(framework, 'in memory', false)]),
])
