import { createBackchannelLogout, type SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/fastify'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { optionsFor } from './options.ts'
import { createSignIn, type Step } from './sign-in.ts'

const urlOf = ({ url, host }: FastifyRequest): URL => new URL(url, `http://${host}`)

const goOn = (reply: FastifyReply, { location, cookie }: Step): FastifyReply =>
  reply.header('set-cookie', cookie).redirect(location)

export function fastifyApplication(issuer: string): FastifyInstance {
  const logout = createBackchannelLogout(optionsFor(issuer))
  const signIn = createSignIn(issuer)
  const session = ({ headers }: FastifyRequest): Promise<SessionClaims | undefined> => signIn.session(headers.cookie)
  const app = fastify()
  app.register(backchannelLogout, { logout })
  app.get('/login', async (request, reply) => goOn(reply, await signIn.start(urlOf(request))))
  app.get('/callback', async (request, reply) =>
    goOn(reply, await signIn.finish(urlOf(request), request.headers.cookie)),
  )
  app.get('/me', { preHandler: activeSession(logout, { session }) }, async (request, reply) => {
    return (await session(request)) ?? reply.code(401).send()
  })
  return app
}
