import type { BackchannelLogout, LogoutEndpoint } from '@bcl/core'
import type { ParameterizedContext } from 'koa'

/** The receiver, or a function that gets the receiver from the context. For example, each tenant can have its own receiver. */
export type LogoutSource<StateT, ContextT, Receiver extends LogoutEndpoint = BackchannelLogout> =
  | Receiver
  | ((ctx: ParameterizedContext<StateT, ContextT>) => Receiver)

export const logoutOf = <StateT, ContextT, Receiver extends LogoutEndpoint>(
  source: LogoutSource<StateT, ContextT, Receiver>,
  ctx: ParameterizedContext<StateT, ContextT>,
): Receiver => (typeof source === 'function' ? source(ctx) : source)
