import type { BackchannelLogout, LogoutEndpoint } from '@bcl/core'
import type { FastifyRequest } from 'fastify'

/** The receiver, or a function that gets the receiver from the request. For example, each tenant can have its own receiver. */
export type LogoutSource<L extends LogoutEndpoint = BackchannelLogout> = L | ((request: FastifyRequest) => L)

export const logoutOf = <L extends LogoutEndpoint>(source: LogoutSource<L>, request: FastifyRequest): L =>
  typeof source === 'function' ? source(request) : source
