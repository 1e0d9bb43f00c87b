import type { BackchannelLogout } from '@bcl/core'
import { backchannelLogout } from '@bcl/node'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { KEY } from './tokens.js'

/** Express passes Node's own objects. Fastify passes wrappers of these objects. */
type Wrapped<T> = T & { raw?: T }
type RequestHook = (
  request: Wrapped<IncomingMessage>,
  response: Wrapped<ServerResponse>,
  done: (error?: Error) => void,
) => unknown

type Endpoint = ReturnType<typeof backchannelLogout>

/** The part of Nest's `AbstractHttpAdapter` that this package uses. */
export interface RequestHookHost {
  /** The endpoint for each path. */
  [KEY]?: Map<string, Endpoint>
  onRequestHook?: RequestHook
  setOnRequestHook(hook: RequestHook): void
  close(): unknown
}

/** Returns the path without the query string. A proxy may put the address of the server before the path (RFC 9112, 3.2.2). */
const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/?]*|\?.*/gis, '')

/** Sets a request hook that answers the endpoints. Returns the map of the endpoints. */
function installHook(adapter: RequestHookHost): Map<string, Endpoint> {
  const endpoints = new Map<string, Endpoint>()
  let { onRequestHook: nextHook } = adapter
  adapter.setOnRequestHook((request, response, done) => {
    const raw = request.raw ?? request
    const endpoint = endpoints.get(pathOf(raw.url!))
    if (!endpoint) return nextHook ? nextHook.call(adapter, request, response, done) : done()
    // Does not return the promise, because the Fastify adapter would continue the request when the promise settles.
    void endpoint(raw, response.raw ?? response)
    return undefined
  })
  // The adapter has only one hook. If the application sets a hook later, the new hook does not replace this
  // hook. This hook calls the new hook for all other requests.
  adapter.setOnRequestHook = (hook) => {
    nextHook = hook
  }
  return endpoints
}

/**
 * Puts an endpoint into the request hook of the adapter. Both platforms run this hook before everything that an application can
 * add: `app.use`, plugins, the CSRF protection of Nest, body parsers, middleware of modules, guards, pipes and interceptors.
 */
export function mount(adapter: RequestHookHost, path: string, logout: BackchannelLogout): void {
  adapter[KEY] ??= installHook(adapter)
  adapter[KEY].set(path, backchannelLogout(logout))
}
