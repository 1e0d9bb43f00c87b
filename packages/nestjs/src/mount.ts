import type { BackchannelLogout } from '@bcl/core'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answer } from './endpoint.js'
import { KEY } from './tokens.js'

/** Express gives Node's own objects. Fastify wraps them. */
type Wrapped<T> = T & { raw?: T }
type RequestHook = (
  request: Wrapped<IncomingMessage>,
  response: Wrapped<ServerResponse>,
  done: (error?: Error) => void,
) => unknown

/** The part of Nest's `AbstractHttpAdapter` that this package uses. */
export interface RequestHookHost {
  /** The receivers by the paths of their endpoints. */
  [KEY]?: Map<string, BackchannelLogout>
  onRequestHook?: RequestHook
  setOnRequestHook(hook: RequestHook): void
  close(): unknown
}

/** The path without the query string. A proxy may put the address of the server before the path (RFC 9112, 3.2.2). */
const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/?]*|\?.*/gis, '')

function hookInto(adapter: RequestHookHost): Map<string, BackchannelLogout> {
  const endpoints = new Map<string, BackchannelLogout>()
  let { onRequestHook: theirs } = adapter
  adapter.setOnRequestHook((request, response, done) => {
    const raw = request.raw ?? request
    const logout = endpoints.get(pathOf(raw.url!))
    if (!logout) return theirs ? theirs.call(adapter, request, response, done) : done()
    // Not returned: the Fastify adapter takes a fulfilled promise for "continue".
    void answer(logout, raw, response.raw ?? response)
    return undefined
  })
  // The adapter holds one hook. A hook that is set later runs after this hook and does not replace it.
  adapter.setOnRequestHook = (hook) => {
    theirs = hook
  }
  return endpoints
}

/**
 * Puts an endpoint into the request hook of the adapter. Both platforms run this hook before everything that an application can
 * add: `app.use`, plugins, the CSRF protection of Nest, body parsers, middleware of modules, guards, pipes and interceptors.
 */
export function mount(adapter: RequestHookHost, path: string, logout: BackchannelLogout): void {
  adapter[KEY] ??= hookInto(adapter)
  adapter[KEY].set(path, logout)
}
