import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import type Koa from 'koa'
import { createSession } from 'koa-session'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import type { SessionStore } from './store.ts'

export interface Session {
  claims: SessionClaims
  /** For the provider's `id_token_hint`. */
  idToken: string
}

/** What koa-session adds to Koa's context. */
export interface SessionContext {
  get session(): (Partial<Session> & { readonly externalKey: string; regenerate(): Promise<void> }) | null
  set session(value: Session | {} | null)
}

type Context = Koa.ParameterizedContext<Koa.DefaultState, SessionContext>

/** The session is in the store, under an id that its cookie carries. */
export function createSessions(app: Koa, config: Config, logout: BackchannelLogout, store: SessionStore) {
  return {
    /** Puts sessions into the context. Each use of one saves it anew, for `sessionMaxAge` after the first ID Token at most. */
    middleware: createSession(
      {
        key: 'koa_session',
        store,
        rolling: true,
        maxAge: config.sessionMaxAge * 1000,
        httpOnly: true,
        signed: true,
        sameSite: 'lax',
        secure: config.baseUrl.startsWith('https:'),
      },
      app,
    ) as Koa.Middleware<Koa.DefaultState, SessionContext>,

    /**
     * Puts a new session in place of whatever was there, under a new id. Refuses a Logout Token that came as an ID
     * Token. Resolves to false when the provider has ended the session already: then there is none.
     */
    async start(ctx: Context, idTokenClaims: IDToken, idToken: string): Promise<boolean> {
      const claims = sessionClaims(idTokenClaims)
      await this.end(ctx)
      ctx.session = {}
      await ctx.session!.regenerate()
      ctx.session = {} // once more: a session tells no other id than the one that it was made with
      const alive = await logout.trackSession(claims, ctx.session!.externalKey)
      ctx.session = alive ? { claims, idToken } : null
      return alive
    },

    read(ctx: Context): Session | undefined {
      const { claims, idToken } = ctx.session ?? {}
      return claims?.iss === config.issuer && idToken !== undefined ? { claims, idToken } : undefined
    },

    async end(ctx: Context): Promise<void> {
      const { claims, externalKey } = ctx.session ?? {}
      ctx.session = null
      if (claims && externalKey) await logout.untrackSession(claims, externalKey)
    },
  }
}
