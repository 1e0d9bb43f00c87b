// The servers whose requests are counted: one framework each, with the endpoint, or with a bare route that verifies only.
import 'reflect-metadata'
import { createBackchannelLogout, MemoryStore, type BackchannelLogout } from '@bcl/core'
import { backchannelLogout as honoEndpoint } from '@bcl/hono'
import { backchannelLogout as koaEndpoint } from '@bcl/koa'
import { BackchannelLogoutModule } from '@bcl/nestjs'
import { serve } from '@hono/node-server'
import { bodyParser } from '@koa/bodyparser'
import { Router } from '@koa/router'
import { Body, Controller, HttpCode, Post, type DynamicModule } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import express from 'express'
import { auth } from 'express-openid-connect'
import { Hono } from 'hono'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTVerifyOptions } from 'jose'
import Koa from 'koa'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Whom an application trusts. */
export interface Trust {
  issuer: string
  clientId: string
  jwks: JSONWebKeySet
}

/** Starts an application that takes logouts at `/backchannel-logout`, and gives its port. */
export type Start = (trust: Trust) => Promise<number>

const path = '/backchannel-logout'

const portOf = async (server: Server): Promise<number> => {
  if (!server.listening) await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const receiverFor = ({ issuer, clientId, jwks }: Trust): BackchannelLogout =>
  createBackchannelLogout({
    issuers: [{ issuer, clientId, keys: jwks }],
    sessionMaxAge: 8 * 3600,
    store: new MemoryStore(),
  })

/** What a bare route does: it verifies, remembers nothing, and answers. */
function verifierFor({ issuer, clientId, jwks }: Trust): (token: string) => Promise<unknown> {
  const keys = createLocalJWKSet(jwks)
  const options: JWTVerifyOptions = {
    issuer,
    audience: clientId,
    algorithms: ['RS256'],
    clockTolerance: 60,
    requiredClaims: ['iat', 'exp', 'jti', 'events'],
  }
  return (token) => jwtVerify(token, keys, options)
}

async function startHono(app: Hono): Promise<number> {
  return portOf(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
}

const startKoa = (app: Koa): Promise<number> => portOf(app.listen(0, '127.0.0.1'))

/** A Nest application, on either platform. The decorators are called as functions: Node runs these sources as they are. */
async function startNest(platform: 'express' | 'fastify', root: DynamicModule): Promise<number> {
  const app =
    platform === 'express'
      ? await NestFactory.create(root, new ExpressAdapter(), { logger: false })
      : await NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), { logger: false })
  await app.listen(0, '127.0.0.1')
  return (app.getHttpServer().address() as AddressInfo).port
}

const nestEndpoint = ({ issuer, clientId, jwks }: Trust): DynamicModule =>
  BackchannelLogoutModule.forRoot({
    issuers: [{ issuer, clientId, keys: jwks }],
    sessionMaxAge: 8 * 3600,
    store: new MemoryStore(),
    session: () => undefined,
  })

const nestBare = (trust: Trust): DynamicModule => {
  const verify = verifierFor(trust)
  class Logout {
    async receive({ logout_token }: { logout_token: string }): Promise<void> {
      await verify(logout_token)
    }
  }
  const method = Object.getOwnPropertyDescriptor(Logout.prototype, 'receive')!
  Post(path)(Logout.prototype, 'receive', method)
  HttpCode(200)(Logout.prototype, 'receive', method)
  Body()(Logout.prototype, 'receive', 0)
  Controller()(Logout)
  return { module: Logout, controllers: [Logout] }
}

/** A store in the form of express-session, in memory. */
function createSessionStore() {
  const entries = new Map<string, unknown>()
  type Callback = (error: unknown, value?: unknown) => void
  return {
    get: (id: string, callback: Callback) => callback(null, entries.get(id) ?? null),
    set: (id: string, value: unknown, callback: Callback = () => {}) => {
      entries.set(id, value)
      callback(null)
    },
    destroy: (id: string, callback: Callback = () => {}) => {
      entries.delete(id)
      callback(null)
    },
  }
}

export const applications: Record<string, Start> = {
  'Hono, ours': (trust) => startHono(new Hono().all(path, honoEndpoint(receiverFor(trust)))),
  'Hono, bare': (trust) => {
    const verify = verifierFor(trust)
    return startHono(
      new Hono().post(path, async (c) => {
        const { logout_token: token } = await c.req.parseBody()
        await verify(token as string)
        return c.body(null)
      }),
    )
  },
  'Koa, ours': (trust) =>
    startKoa(new Koa().use(new Router().all(path, koaEndpoint(receiverFor(trust))).routes() as Koa.Middleware)),
  'Koa, bare': (trust) => {
    const verify = verifierFor(trust)
    const router = new Router().post(path, async (ctx) => {
      await verify((ctx.request.body as { logout_token: string }).logout_token)
      ctx.status = 200
      ctx.body = ''
    })
    const app = new Koa()
    app.use(bodyParser())
    app.use(router.routes() as Koa.Middleware)
    return startKoa(app)
  },
  'Nest/Fastify, ours': (trust) => startNest('fastify', nestEndpoint(trust)),
  'Nest/Fastify, bare': (trust) => startNest('fastify', nestBare(trust)),
  'Nest/Express, ours': (trust) => startNest('express', nestEndpoint(trust)),
  'Nest/Express, bare': (trust) => startNest('express', nestBare(trust)),
  async 'express-openid-connect'({ issuer, clientId }) {
    const app = express()
    app.use(
      auth({
        baseURL: 'http://127.0.0.1',
        issuerBaseURL: issuer,
        clientID: clientId,
        clientSecret: 'test-secret',
        secret: 'a secret of the cookie that is long enough',
        authRequired: false,
        authorizationParams: { response_type: 'code', scope: 'openid' },
        backchannelLogout: { store: createSessionStore() as never },
      }),
    )
    return portOf(app.listen(0, '127.0.0.1'))
  },
}
