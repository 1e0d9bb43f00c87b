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

/** An application with the adapter, after the given middleware. */
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
        if (target.startsWith(path)) expect(served.errors, "errors that reached app.on('error')").toEqual([])
        return response
      },
      close: served.close,
    }
  }

const keepBodyAs =
  (name: 'body' | 'rawBody', read: (ctx: Parameters<Middleware>[0]) => unknown): Middleware =>
  async (ctx, next) => {
    Object.assign(ctx.request, { [name]: await read(ctx) })
    await next()
  }

// With these settings, a parser does not refuse a request itself.
const lenient = { jsonLimit: '1mb', formLimit: '1mb', textLimit: '1mb', onError: () => {} }
const parsers: [string, Middleware][] = [
  ['@koa/bodyparser', bodyParser(lenient)],
  [
    '@koa/bodyparser that also parses text and xml, and patches ctx.req',
    bodyParser({ ...lenient, enableTypes: ['json', 'form', 'text', 'xml'], patchNode: true }),
  ],
  [
    '@koa/bodyparser that parses everything as JSON',
    bodyParser({ ...lenient, detectJSON: (ctx) => !ctx.is('urlencoded') }),
  ],
  ['@koa/bodyparser that does not read forms', bodyParser({ ...lenient, enableTypes: ['json'] })],
  ['@koa/bodyparser with a limit of 0 bytes', bodyParser({ ...lenient, formLimit: 0, jsonLimit: 0 })],
  ['koa-bodyparser', legacyBodyParser({ ...lenient, onerror: () => {} })],
  [
    'koa-bodyparser that also parses text',
    legacyBodyParser({ ...lenient, onerror: () => {}, enableTypes: ['json', 'form', 'text'] }),
  ],
  ['koa-body', koaBody(lenient)],
  ['koa-body with multipart', koaBody({ ...lenient, multipart: true })],
  ['koa-body that keeps the unparsed body', koaBody({ ...lenient, multipart: true, includeUnparsed: true })],
  ['koa-body that does not read forms', koaBody({ ...lenient, urlencoded: false, text: false })],
  ['koa-body that patches ctx.req only', koaBody({ ...lenient, patchKoa: false, patchNode: true })],
  [
    'a serverless platform that puts rawBody on ctx.req',
    async ({ req }, next) => (Object.assign(req, { rawBody: await buffer(req), body: {} }), next()),
  ],
  ['a middleware that keeps a string', keepBodyAs('body', ({ req }) => text(req))],
  ['a middleware that keeps a Buffer', keepBodyAs('body', async ({ req }) => Buffer.from(await text(req)))],
  [
    'a middleware that keeps URLSearchParams',
    keepBodyAs('body', async ({ req }) => new URLSearchParams(await text(req))),
  ],
  ['a middleware that keeps rawBody only', keepBodyAs('rawBody', ({ req }) => text(req))],
  ['a middleware that decodes the bytes as text', async ({ req }, next) => (req.setEncoding('utf8'), next())],
]

describe.concurrent.each(versions)('%s', (_, Koa) => {
  describe('mounted by path', () => testAdapter(test, mountIn(Koa, byPath)))
  describe('mounted in a router', () => testAdapter(test, mountIn(Koa, byRouter)))
  describe.each(parsers)('after %s (T-3)', (name, parser) =>
    testAdapter(test, mountIn(Koa, byPath, parser), { parsesBody: /URLSearchParams|as JSON/.test(name) }),
  )
})
