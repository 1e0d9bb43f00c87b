import { PassThrough } from 'node:stream'

import type { BackchannelLogout } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/fastify'
import formbody from '@fastify/formbody'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'

import type { Config } from './config.ts'
import { fromOwnPages } from './from-own-pages.ts'
import { signInFailedPage, signedInPage, signedOutPage } from './page.ts'
import { createSessions } from './session.ts'
import { logError, logSignInError } from './shared/log.ts'
import type { Readiness } from './shared/readiness.ts'
import { createSignIn } from './shared/sign-in.ts'
import { createSignOut } from './shared/sign-out.ts'
import { createStreams } from './shared/streams.ts'

const HEARTBEAT_MS = 15_000

export function createApp(
  config: Config,
  logout: BackchannelLogout,
  readiness: Pick<Readiness, 'isReady'>,
  streams = createStreams(),
): FastifyInstance {
  const app = Fastify({ return503OnClosing: false }) // with the default, a logout that arrives during app.close() gets 503
  const signIn = createSignIn(config)
  const signOut = createSignOut(logout, signIn)

  // The endpoint comes before the check of the Origin, because the provider's POST has no Origin. The signature of the token
  // authenticates the provider.
  app.register(backchannelLogout, { logout, path: '/backchannel-logout' })
  app.addHook('onRequest', fromOwnPages(new URL(config.baseUrl).origin))
  app.addHook('onRequest', async (_request, reply) => void reply.header('cache-control', 'no-store'))
  app.addHook('onError', async (_request, _reply, error) => {
    if ((error.statusCode ?? 500) >= 500) logError('Request failed', error)
  })
  app.register(formbody)
  const sessions = createSessions(app, config, logout)

  const active = (onLoggedOut: (reply: FastifyReply) => FastifyReply) =>
    activeSession(logout, {
      session: (request) => sessions.read(request)?.claims,
      onLoggedOut: (request, reply) => {
        sessions.end(request)
        return onLoggedOut(reply)
      },
    })

  app.get('/', { preHandler: active(signedOut) }, async (request, reply) => {
    const session = sessions.read(request)
    return session ? html(reply, signedInPage(session.claims)) : signedOut(reply)
  })

  app.get('/me', { preHandler: active(unauthorized) }, async (request, reply) => {
    const session = sessions.read(request)
    if (!session) return unauthorized(reply)
    const { iss, sub, sid, iat } = session.claims
    return { iss, sub, sid: sid ?? null, iat }
  })

  // This route is not behind activeSession(). A page that was loaded just before the logout must still receive the
  // event.
  app.get('/events', async (request, reply) => {
    const session = sessions.read(request)
    if (!session) return unauthorized(reply)
    // Fastify also uses this handler for HEAD. The answer to HEAD has no body, so there is no stream.
    if (request.method === 'HEAD') return reply.type('text/event-stream').send()
    const close = streams.open(session.claims)
    if (typeof close === 'number') return reply.code(close).send({ error: 'too many open streams' })
    const stream = new PassThrough()
    const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS)
    let stopWatching = () => {}
    // If two requests arrive at once over one connection, the answer to the second request waits. With some versions of Node,
    // Fastify does not notice that the connection of this answer is lost.
    const destroy = () => stream.destroy()
    request.raw.socket.on('close', destroy)
    stream.on('close', () => {
      clearInterval(heartbeat)
      stopWatching()
      close()
      request.raw.socket.off('close', destroy)
    })
    stream.write(':\n\n')
    try {
      stopWatching = logout.watch(session.claims, () => {
        clearInterval(heartbeat)
        stream.end(`event: logged-out\ndata: ${JSON.stringify({ at: new Date().toISOString() })}\n\n`)
      })
    } catch (error) {
      stream.destroy()
      throw error
    }
    return reply.type('text/event-stream').send(stream) // Fastify destroys the stream when the browser disconnects
  })

  app.get('/login', async (request, reply) => {
    try {
      const { login_hint: hint } = request.query as { login_hint?: unknown }
      const { url, pending } = await signIn.start(typeof hint === 'string' ? hint : undefined)
      request.signIn.set('pending', pending)
      return reply.redirect(url.href)
    } catch (error) {
      await logSignInError('Sign-in not started', error)
      return html(reply.code(503), signInFailedPage('the provider cannot be reached.'))
    }
  })

  app.get('/callback', async (request, reply) => {
    const pending = request.signIn.get('pending')
    request.signIn.delete()
    const failed = (reason: string) => html(reply.code(400), signInFailedPage(reason))
    if (!pending) return failed('it was not started in this browser, or it was started too long ago.')
    try {
      const { claims, idToken } = await signIn.finish(new URL(request.url, config.baseUrl).search, pending)
      if (await sessions.start(request, claims, idToken)) return reply.redirect('/')
      return failed('the provider has ended the session already.')
    } catch (error) {
      await logSignInError('Sign-in refused', error)
      return failed('the answer of the provider was refused.')
    }
  })

  app.post('/logout', async (request, reply) => {
    const url = await signOut.here(sessions.read(request))
    return leave(request, reply, url)
  })

  // This route is behind activeSession(). A stolen cookie of an ended session must not sign the user out everywhere.
  app.post('/logout-everywhere', { preHandler: active(unauthorized) }, async (request, reply) => {
    const session = sessions.read(request)
    if (!session) return unauthorized(reply)
    return leave(request, reply, await signOut.everywhere(session))
  })

  function leave(request: FastifyRequest, reply: FastifyReply, url: string): FastifyReply {
    sessions.end(request)
    return reply.redirect(url, 303)
  }

  app.get('/healthz', async (_request, reply) =>
    readiness.isReady() ? 'ok' : reply.code(503).send('no keys of the provider yet'),
  )

  return app
}

function html(reply: FastifyReply, page: string): FastifyReply {
  return reply.type('text/html; charset=utf-8').send(page)
}

function signedOut(reply: FastifyReply): FastifyReply {
  return html(reply, signedOutPage())
}

function unauthorized(reply: FastifyReply): FastifyReply {
  return reply.code(401).send({ error: 'not signed in' })
}
