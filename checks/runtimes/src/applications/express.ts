import { createBackchannelLogout, type SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout } from '@bcl/express'
import express, { type Express, type Request, type Response } from 'express'
import { optionsFor } from './options.ts'
import { createSignIn, type Step } from './sign-in.ts'

const urlOf = ({ url, headers }: Request): URL => new URL(url, `http://${headers.host}`)

const goOn = (response: Response, { location, cookie }: Step): void =>
  response.set('set-cookie', cookie).redirect(location)

export function expressApplication(issuer: string): Express {
  const logout = createBackchannelLogout(optionsFor(issuer))
  const signIn = createSignIn(issuer)
  const session = ({ headers }: Request): Promise<SessionClaims | undefined> => signIn.session(headers.cookie)
  const app = express()
  app.all('/backchannel-logout', backchannelLogout(logout))
  app.get('/login', async (request, response) => goOn(response, await signIn.start(urlOf(request))))
  app.get('/callback', async (request, response) =>
    goOn(response, await signIn.finish(urlOf(request), request.headers.cookie)),
  )
  app.use('/me', activeSession(logout, { session }))
  app.get('/me', async (request, response) => {
    const claims = await session(request)
    if (claims) response.json(claims)
    else response.sendStatus(401)
  })
  return app
}
