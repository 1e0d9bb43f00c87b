import { type BackchannelLogout, type SessionClaims, sessionClaims } from '@bcl/core'
import type Koa from 'koa'
import { createSession } from 'koa-session'
import type { IDToken } from 'openid-client'

import type { Config } from './config.ts'
import type { SessionStore } from './store.ts'

export interface Session {
  claims: SessionClaims
  /** The ID Token for the provider's `id_token_hint`. */
  idToken: string
}

/** The member that koa-session adds to Koa's context. */
export interface SessionContext {
  get session(): (Partial<Session> & { readonly externalKey: string; regenerate(): Promise<void> }) | null
  set session(value: Session | {} | null)
}

const COOKIE = 'koa_session'

type Context = Koa.ParameterizedContext<Koa.DefaultState, SessionContext>

/** The session is in the store. Its id is in the cookie. */
export function createSessions(app: Koa, config: Config, logout: BackchannelLogout, store: SessionStore) {
  return {
    /** Adds the session to the context. Each request saves the session again. `sessionMaxAge` still counts from sign-in. */
    middleware: createSession(
      {
        key: COOKIE,
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
     * Replaces the session. The new session has a new id. Throws if the ID Token is really a Logout Token. If the
     * provider has already ended the session, resolves to false and creates no session.
     */
    async start(ctx: Context, idTokenClaims: IDToken, idToken: string): Promise<boolean> {
      const claims = sessionClaims(idTokenClaims)
      await this.end(ctx)
      ctx.session = {}
      await ctx.session!.regenerate()
      ctx.session = {} // a second new session, because the first one keeps the old id
      const alive = await logout.trackSession(claims, ctx.session!.externalKey)
      ctx.session = alive ? { claims, idToken } : null
      return alive
    },

    read(ctx: Context): Session | undefined {
      const { claims, idToken } = ctx.session ?? {}
      return claims?.iss === config.issuer && idToken !== undefined ? { claims, idToken } : undefined
    },

    /** Clears the cookie. koa-session clears the cookie only if the store has destroyed the session. */
    clear(ctx: Context): void {
      ctx.session = null
      ctx.cookies.set(COOKIE, null, { signed: true })
    },

    async end(ctx: Context): Promise<void> {
      const { claims, externalKey } = ctx.session ?? {}
      ctx.session = null
      if (claims && externalKey) await logout.untrackSession(claims, externalKey)
    },
  }
}
