import type { BackchannelLogout } from '@bcl/core'
import type { ParameterizedContext } from 'koa'

/** The receiver, or a function that gets the receiver from the context, for example one receiver for each tenant. */
export type LogoutSource<StateT, ContextT> =
  | BackchannelLogout
  | ((ctx: ParameterizedContext<StateT, ContextT>) => BackchannelLogout)

export const logoutOf = <StateT, ContextT>(
  source: LogoutSource<StateT, ContextT>,
  ctx: ParameterizedContext<StateT, ContextT>,
): BackchannelLogout => (typeof source === 'function' ? source(ctx) : source)
