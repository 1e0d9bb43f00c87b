import type { BackchannelLogout, SessionClaims } from '@bcl/core'
import { activeSession, backchannelLogout, type ActiveSessionOptions } from '@bcl/express'
import express, { Router } from 'express'

declare const logout: BackchannelLogout
declare const claims: SessionClaims | undefined

const app = express()
app.all('/backchannel-logout', backchannelLogout(logout))
app.use(
  '/backchannel-logout',
  backchannelLogout((request) => (request.hostname === 'a' ? logout : logout)),
)
Router().all('/events', backchannelLogout({ respond: async () => ({ status: 202, headers: {}, body: '' }) }))
app.use(activeSession(logout, { session: () => claims }))
app.get(
  '/accounts/:id',
  activeSession(() => logout, {
    session: async (request, response) => (request.secure ? (response.locals['claims'] as SessionClaims) : null),
    onLoggedOut: (_request, response) => response.redirect('/login'),
    onUnavailable: (_request, response, error) => response.send(String(error satisfies unknown)),
  }),
  (_request, response) => response.send('active'),
)

// @ts-expect-error -- the receiver has no isLoggedOut
activeSession({ respond: async () => ({ status: 202, headers: {}, body: '' }) }, { session: () => claims })
// @ts-expect-error -- the option session is missing
activeSession(logout, {})
// @ts-expect-error -- the iat of a session must be a number
activeSession(logout, { session: () => ({ iss: 'https://op.example', sub: 'alice', iat: '1' }) })

export const options: ActiveSessionOptions = { session: async () => null }
