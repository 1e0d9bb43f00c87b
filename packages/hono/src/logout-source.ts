import type { BackchannelLogout, LogoutEndpoint } from '@bcl/core'
import type { Context, Env } from 'hono'

/** The receiver, or a function that gets the receiver from the context. On Workers, each request has its own bindings. */
export type LogoutSource<E extends Env, L extends LogoutEndpoint = BackchannelLogout> = L | ((c: Context<E>) => L)

export const logoutOf = <E extends Env, L extends LogoutEndpoint>(source: LogoutSource<E, L>, c: Context<E>): L =>
  typeof source === 'function' ? source(c) : source
