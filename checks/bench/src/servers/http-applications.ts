// The applications of the endpoint benchmark: one for each framework, and the peer.
import { createBackchannelLogout, MemoryStore, type BackchannelLogoutOptions } from '@bcl/core'
import { backchannelLogout as expressEndpoint } from '@bcl/express'
import { backchannelLogout as fastifyEndpoint } from '@bcl/fastify'
import { backchannelLogout as honoEndpoint } from '@bcl/hono'
import { backchannelLogout as koaEndpoint } from '@bcl/koa'
import { serve } from '@hono/node-server'
import { Router } from '@koa/router'
import express from 'express'
import { auth } from 'express-openid-connect'
import Fastify from 'fastify'
import { Hono } from 'hono'
import type { JSONWebKeySet } from 'jose'
import Koa from 'koa'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The provider that an application trusts. */
export interface Trust {
  issuer: string
  clientId: string
  jwks: JSONWebKeySet
}

export interface Started {
  port: number
  reads?: () => number
  /** Checks each session once. */
  warm?: () => Promise<void>
  close?: () => Promise<unknown>
}

/** Starts an application on a free port. */
export type Start = (trust: Trust) => Promise<Started>

const path = '/backchannel-logout'

export async function started(server: Server): Promise<Started> {
  if (!server.listening) await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port }
}

export const optionsFor = ({ issuer, clientId, jwks }: Trust): BackchannelLogoutOptions => ({
  issuers: [{ issuer, clientId, keys: jwks }],
  sessionMaxAge: 8 * 3600,
  store: new MemoryStore(),
})

const receiverFor = (trust: Trust) => createBackchannelLogout(optionsFor(trust))

async function startNest(platform: 'express' | 'fastify', trust: Trust): Promise<Started> {
  const nest = await import('./nest-application.ts')
  return nest.startNest(platform, trust)
}

/** The smallest store that express-session accepts. */
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
  Hono(trust) {
    const app = new Hono().all(path, honoEndpoint(receiverFor(trust)))
    return started(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
  },
  Koa(trust) {
    const router = new Router().all(path, koaEndpoint(receiverFor(trust)))
    return started(new Koa().use(router.routes() as Koa.Middleware).listen(0, '127.0.0.1'))
  },
  Express: (trust) =>
    started(
      express()
        .all(path, expressEndpoint(receiverFor(trust)))
        .listen(0, '127.0.0.1'),
    ),
  'NestJS on Express': (trust) => startNest('express', trust),
  async Fastify(trust) {
    const app = Fastify()
    app.register(fastifyEndpoint, { logout: receiverFor(trust), path })
    await app.listen({ port: 0, host: '127.0.0.1' })
    return started(app.server)
  },
  'NestJS on Fastify': (trust) => startNest('fastify', trust),
  'express-openid-connect'({ issuer, clientId }) {
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
    return started(app.listen(0, '127.0.0.1'))
  },
}
