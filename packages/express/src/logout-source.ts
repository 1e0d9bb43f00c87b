import type { BackchannelLogout, LogoutEndpoint } from '@bcl/core'
import type { Request } from 'express'

/** The receiver, or a function that gets the receiver from the request. For example, each tenant can have its own receiver. */
export type LogoutSource<L extends LogoutEndpoint = BackchannelLogout> = L | ((request: Request) => L)

export const logoutOf = <L extends LogoutEndpoint>(source: LogoutSource<L>, request: Request): L =>
  typeof source === 'function' ? source(request) : source
