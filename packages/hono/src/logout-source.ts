import type { BackchannelLogout } from '@bcl/core'
import type { Context, Env } from 'hono'

/** The receiver, or a function that gets the receiver from the context: on Workers, each request has its own bindings. */
export type LogoutSource<E extends Env> = BackchannelLogout | ((c: Context<E>) => BackchannelLogout)

export const logoutOf = <E extends Env>(source: LogoutSource<E>, c: Context<E>): BackchannelLogout =>
  typeof source === 'function' ? source(c) : source
