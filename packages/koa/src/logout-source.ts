import type { BackchannelLogout, LogoutEndpoint } from '@bcl/core'
import type { ParameterizedContext } from 'koa'

/** The receiver, or a function that gets the receiver from the context, for example one receiver for each tenant. */
export type LogoutSource<StateT, ContextT, Receiver extends LogoutEndpoint = BackchannelLogout> =
  | Receiver
  | ((ctx: ParameterizedContext<StateT, ContextT>) => Receiver)

export const logoutOf = <StateT, ContextT, Receiver extends LogoutEndpoint>(
  source: LogoutSource<StateT, ContextT, Receiver>,
  ctx: ParameterizedContext<StateT, ContextT>,
): Receiver => (typeof source === 'function' ? source(ctx) : source)
