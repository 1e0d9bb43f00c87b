import type { BackchannelLogout } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/fastify'
import { testAdapter, type MountAdapter, type MountedAdapter } from '@bcl/testing'
import awsLambda from '@fastify/aws-lambda'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import csrf from '@fastify/csrf-protection'
import fastifyExpress from '@fastify/express'
import formbody from '@fastify/formbody'
import helmet from '@fastify/helmet'
import multipart from '@fastify/multipart'
import rateLimit from '@fastify/rate-limit'
import express from 'express'
import Fastify5, { type FastifyInstance, type FastifyServerOptions, type LightMyRequestResponse } from 'fastify'
import Fastify4 from 'fastify4'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { serve } from './serve.js'

const path = '/backchannel-logout'

/** Adds something to an application: before the plugin, or after it. */
type Extend = (app: FastifyInstance) => unknown
interface Setup {
  options?: FastifyServerOptions
  before?: Extend
  after?: Extend
}

async function mount(
  app: FastifyInstance,
  logout: BackchannelLogout,
  sessionOf: Parameters<MountAdapter>[1],
  { before, after }: Setup = {},
): Promise<void> {
  await before?.(app)
  app.register(backchannelLogout, { logout })
  await after?.(app)
  const session = activeSession(logout, {
    session: ({ headers }) => sessionOf(headers['x-test-session'] as string | undefined),
  })
  app.get('/me', { preHandler: session }, async () => 'active')
}

const mountIn =
  (Fastify: typeof Fastify5, setup: Setup = {}): MountAdapter =>
  async (logout, sessionOf) => {
    const app = Fastify(setup.options)
    await mount(app, logout, sessionOf, setup)
    const served = await serve(app)
    return {
      async fetch(target, init) {
        const response = await served.fetch(target, init)
        if (target.startsWith(path)) expect(served.errors, 'errors of hooks').toEqual([])
        return response
      },
      close: served.close,
    }
  }

const refuse = async (): Promise<never> => {
  throw Object.assign(new Error('forbidden'), { statusCode: 403 })
}

/** Code that may come before the plugin, because it affects only later stages of a request. */
const before: [string, Setup][] = [
  ['a parser for forms', { before: (app) => app.register(formbody) }],
  ['a parser for multipart forms', { before: (app) => app.register(multipart) }],
  [
    'a parser for every media type',
    { before: (app) => app.addContentTypeParser('*', async (_: unknown, payload: Readable) => text(payload)) },
  ],
  [
    'a parser that refuses every media type',
    { before: (app) => (app.removeAllContentTypeParsers(), app.addContentTypeParser('*', refuse)) },
  ],
  ['no parser', { before: (app) => app.removeAllContentTypeParsers() }],
  ['a limit of 10 bytes', { options: { bodyLimit: 10 } }],
  ['trustProxy', { options: { trustProxy: true } }],
  [
    'hooks that refuse',
    {
      before(app) {
        for (const name of ['preParsing', 'preValidation', 'preHandler'] as const) {
          app.addHook(name as 'preHandler', async ({ method }) => (method === 'GET' ? undefined : refuse()))
        }
      },
    },
  ],
  [
    'a hook that changes the answer',
    { before: (app) => app.addHook('onSend', async (_request, _reply, payload) => JSON.stringify({ payload })) },
  ],
  [
    'a check of the CSRF token in the body',
    {
      async before(app) {
        await app.register(cookie).register(formbody).register(csrf)
        app.addHook('preHandler', (request, reply, done) =>
          request.method === 'GET' ? done() : app.csrfProtection(request, reply, done),
        )
      },
    },
  ],
  [
    'a rate limit',
    {
      before: (app) =>
        app.register(rateLimit, { max: 1, keyGenerator: () => 'all', allowList: ({ url }) => url === '/me' }),
    },
  ],
  ['helmet', { before: (app) => app.register(helmet) }],
  ['cors', { before: (app) => app.register(cors, { preflight: false }) }],
  ['compress', { before: (app) => app.register(compress, { threshold: 0 }) }],
  [
    'a body parser of Express',
    {
      before: async (app) => {
        await app.register(fastifyExpress)
        const parse = express.urlencoded({ limit: '1mb', parameterLimit: 10_000, extended: true })
        app.use((req, res, next) => parse(req as never, res as never, () => next())) // a parser refuses some bodies itself
      },
    },
  ],
]

/** Code that refuses requests in `onRequest`. It must come after the plugin (T-2). */
const after: [string, Extend][] = [
  ['a login', (app) => app.addHook('onRequest', async ({ method }) => (method === 'GET' ? undefined : refuse()))],
  [
    'a check of the CSRF token',
    async (app) => {
      await app.register(cookie).register(csrf)
      app.addHook('onRequest', (request, reply, done) =>
        request.method === 'GET' ? done() : app.csrfProtection(request, reply, done),
      )
    },
  ],
  ['cors that refuses OPTIONS', (app) => app.register(cors)],
  [
    'a rate limit for all requests',
    async (app) => {
      await app.register(rateLimit, { global: false })
      const limit = app.rateLimit({ max: 0, allowList: ({ url }) => url === '/me' })
      app.addHook('onRequest', limit as never)
    },
  ],
]

/** Converts the options of `fetch` into the parts that light-my-request and Lambda take. */
function parts(init: RequestInit): { method: never; headers: Record<string, string>; body: string | undefined } {
  const body = init.body as string | undefined
  return {
    method: (init.method ?? 'GET') as never,
    headers: {
      host: 'app.example',
      ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
      ...(init.headers as Record<string, string>),
    },
    body,
  }
}

const toResponse = (status: number, headers: object, body: string): Response =>
  new Response(body || null, { status, headers: JSON.parse(JSON.stringify(headers)) as Record<string, string> })

/** Calls the application with `inject`, as tests and wrappers for serverless platforms do. */
const injected: MountAdapter = async (logout, sessionOf): Promise<MountedAdapter> => {
  const app = Fastify5()
  await mount(app, logout, sessionOf)
  return {
    async fetch(url, init) {
      const { method, headers, body } = parts(init)
      const response: LightMyRequestResponse = await app.inject({ url, method, headers, ...(body && { body }) })
      return toResponse(response.statusCode, response.headers, response.body)
    },
    close: () => app.close(),
  }
}

const inLambda: MountAdapter = async (logout, sessionOf): Promise<MountedAdapter> => {
  const app = Fastify5()
  await mount(app, logout, sessionOf)
  const handler = awsLambda(app)
  return {
    async fetch(target, init) {
      const { method, headers, body } = parts(init)
      const url = new URL(target, 'https://app.example')
      const queryStringParameters = Object.fromEntries(url.searchParams)
      const event = { httpMethod: method, path: url.pathname, queryStringParameters, headers, body }
      const result = (await handler(event, {} as never)) as never as {
        statusCode: number
        headers: object
        body: string
      }
      return toResponse(result.statusCode, result.headers, result.body)
    },
    close: () => app.close(),
  }
}

describe.concurrent('Fastify 5', () => {
  describe('alone', () => testAdapter(test, mountIn(Fastify5)))
  describe.each(before)('after %s (T-2, T-3)', (_, setup) => testAdapter(test, mountIn(Fastify5, setup)))
  describe.each(after)('before %s (T-2)', (_, extend) => testAdapter(test, mountIn(Fastify5, { after: extend })))
  describe('by inject', () => testAdapter(test, injected))
  describe('on AWS Lambda', () => testAdapter(test, inLambda))
})

describe.concurrent('Fastify 4', () => {
  describe('alone', () => testAdapter(test, mountIn(Fastify4)))
  describe('with refusing hooks', () => testAdapter(test, mountIn(Fastify4, { after: after[0]![1] })))
})
