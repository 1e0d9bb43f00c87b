import type { BackchannelLogout, LogoutEndpoint, SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout, type ActiveSessionOptions } from '@bcl/fastify'
import Fastify from 'fastify'

declare const logout: BackchannelLogout
declare const receiver: LogoutEndpoint

declare module 'fastify' {
  interface FastifyRequest {
    claims?: SessionClaims
    tenant: { logout: BackchannelLogout }
  }
}

const app = Fastify()
app.register(backchannelLogout, { logout })
app.register(backchannelLogout, { logout, path: '/logout', prefix: '/partner' })
app.register(backchannelLogout, { logout: (request) => request.tenant.logout })
app.register(backchannelLogout, { logout: receiver, path: '/security-events' })
// An application over HTTP/2 and an application with its own logger can also use the plugin.
Fastify({ http2: true }).register(backchannelLogout, { logout })
Fastify({ logger: { level: 'warn' } }).register(backchannelLogout, { logout })

const session = activeSession(logout, { session: (request) => request.claims })
for (const hook of ['onRequest', 'preValidation', 'preHandler'] as const) app.addHook(hook as 'preHandler', session)
app.addHook('onRequest', session)
app.addHook('preParsing', session)
app.get('/onRequest', { onRequest: session }, async () => 'active')
app.get('/preHandler', { preHandler: [session] }, async () => 'active')
app.get<{ Params: { id: string } }>('/accounts/:id', { preHandler: session }, async ({ params }) => params.id)
Fastify({ http2: true }).addHook('onRequest', session)
activeSession((request) => request.tenant.logout, {
  session: async (request) => request.claims,
  onLoggedOut: (_request, reply) => reply.redirect('/login'),
  onUnavailable: (_request, reply, error) => reply.send(String(error satisfies unknown)),
})

// @ts-expect-error -- the option logout is missing
app.register(backchannelLogout, { path: '/logout' })
// @ts-expect-error -- the request has no member `user`
activeSession(logout, { session: (request) => request.user })
// @ts-expect-error -- a receiver that only responds cannot check a session
activeSession(receiver, { session: () => null })
// @ts-expect-error -- the option session is missing
activeSession(logout, {})
// @ts-expect-error -- the iat of a session must be a number
activeSession(logout, { session: () => ({ iss: 'https://op.example', sub: 'alice', iat: '1' }) })

export const options: ActiveSessionOptions = { session: async () => null }
