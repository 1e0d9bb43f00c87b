import type { BackchannelLogout } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/koa'
import { testAdapter, type MountAdapter } from '@bcl/testing'
import { bodyParser } from '@koa/bodyparser'
import { Router } from '@koa/router'
import Koa3, { type Middleware } from 'koa'
import { koaBody } from 'koa-body'
import legacyBodyParser from 'koa-bodyparser'
import Koa2 from 'koa2'
import { buffer, text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { serve } from './serve.js'

const versions: [string, typeof Koa3][] = [
  ['Koa 3', Koa3],
  ['Koa 2', Koa2],
]

const path = '/backchannel-logout'
const byPath = (logout: BackchannelLogout): Middleware => backchannelLogout(logout, { path })
const byRouter = (logout: BackchannelLogout): Middleware =>
  new Router().all(path, backchannelLogout(logout)).routes() as Middleware

/** The adapter in an application, behind whatever middleware stands before it. */
const mountIn =
  (Koa: typeof Koa3, endpoint: (logout: BackchannelLogout) => Middleware, ...before: Middleware[]): MountAdapter =>
  async (logout, sessionOf) => {
    const app = new Koa()
    for (const middleware of before) app.use(middleware)
    app.use(endpoint(logout))
    app.use(activeSession(logout, { session: (ctx) => sessionOf(ctx.get('x-test-session')) }))
    app.use((ctx) => {
      if (ctx.path === '/me') ctx.body = 'active'
    })
    const served = await serve(app)
    return {
      async fetch(target, init) {
        const response = await served.fetch(target, init)
        if (target.startsWith(path)) expect(served.errors, "what reached app.on('error')").toEqual([])
        return response
      },
      close: served.close,
    }
  }

const leave =
  (name: 'body' | 'rawBody', read: (ctx: Parameters<Middleware>[0]) => unknown): Middleware =>
  async (ctx, next) => {
    Object.assign(ctx.request, { [name]: await read(ctx) })
    await next()
  }

// A parser's own refusals are the parser's to answer: here it lets everything pass.
const lenient = { jsonLimit: '1mb', formLimit: '1mb', textLimit: '1mb', onError: () => {} }
const parsers: [string, Middleware][] = [
  ['@koa/bodyparser', bodyParser(lenient)],
  [
    '@koa/bodyparser for text and xml too, on ctx.req',
    bodyParser({ ...lenient, enableTypes: ['json', 'form', 'text', 'xml'], patchNode: true }),
  ],
  [
    '@koa/bodyparser that takes everything for JSON',
    bodyParser({ ...lenient, detectJSON: (ctx) => !ctx.is('urlencoded') }),
  ],
  ['@koa/bodyparser that leaves forms unread', bodyParser({ ...lenient, enableTypes: ['json'] })],
  ['@koa/bodyparser that finds each body too large', bodyParser({ ...lenient, formLimit: 0, jsonLimit: 0 })],
  ['koa-bodyparser', legacyBodyParser({ ...lenient, onerror: () => {} })],
  [
    'koa-bodyparser for text too',
    legacyBodyParser({ ...lenient, onerror: () => {}, enableTypes: ['json', 'form', 'text'] }),
  ],
  ['koa-body', koaBody(lenient)],
  ['koa-body with multipart', koaBody({ ...lenient, multipart: true })],
  ['koa-body that keeps the unparsed', koaBody({ ...lenient, multipart: true, includeUnparsed: true })],
  ['koa-body that leaves forms unread', koaBody({ ...lenient, urlencoded: false, text: false })],
  ['koa-body that leaves it on ctx.req alone', koaBody({ ...lenient, patchKoa: false, patchNode: true })],
  [
    'a platform of functions that leaves rawBody on ctx.req',
    async ({ req }, next) => (Object.assign(req, { rawBody: await buffer(req), body: {} }), next()),
  ],
  ['a middleware that leaves a string', leave('body', ({ req }) => text(req))],
  ['a middleware that leaves a Buffer', leave('body', async ({ req }) => Buffer.from(await text(req)))],
  ['a middleware that leaves URLSearchParams', leave('body', async ({ req }) => new URLSearchParams(await text(req)))],
  ['a middleware that leaves rawBody alone', leave('rawBody', ({ req }) => text(req))],
  ['a middleware that decodes the bytes as text', async ({ req }, next) => (req.setEncoding('utf8'), next())],
]

describe.concurrent.each(versions)('%s', (_, Koa) => {
  describe('by path', () => testAdapter(test, mountIn(Koa, byPath)))
  describe('in a router', () => testAdapter(test, mountIn(Koa, byRouter)))
  describe.each(parsers)('behind %s (T-3)', (__, parser) => testAdapter(test, mountIn(Koa, byPath, parser)))
})
