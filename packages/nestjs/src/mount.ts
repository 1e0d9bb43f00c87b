import type { IncomingMessage, ServerResponse } from 'node:http'

/** Express gives Node's own objects, Fastify others around them. */
type Wrapped<T> = T | { raw: T }
type RequestHook = (
  request: Wrapped<IncomingMessage>,
  response: Wrapped<ServerResponse>,
  done: (error?: Error) => void,
) => unknown
type Endpoint = (request: IncomingMessage, response: ServerResponse) => unknown

/** The endpoints of an adapter by their paths, one list for all copies of this package. */
const ENDPOINTS = Symbol.for('@bcl/nestjs:endpoints')

/** What is used of Nest's `AbstractHttpAdapter`. */
export interface RequestHookHost {
  [ENDPOINTS]?: Map<string, Endpoint>
  onRequestHook?: RequestHook
  setOnRequestHook(hook: RequestHook): void
}

/** Without the query string, and without the server's own address, which a proxy may put before it (RFC 9112, 3.2.2). */
const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/?]*|\?.*/gis, '')

const rawOf = <T extends object>(wrapped: Wrapped<T>): T => ('raw' in wrapped ? wrapped.raw : wrapped)

function hookInto(adapter: RequestHookHost): Map<string, Endpoint> {
  const endpoints = new Map<string, Endpoint>()
  let { onRequestHook: theirs } = adapter
  adapter.setOnRequestHook((request, response, done) => {
    const raw = rawOf(request)
    const endpoint = endpoints.get(pathOf(raw.url!))
    if (!endpoint) return theirs ? theirs.call(adapter, request, response, done) : done()
    // Nothing is given back: a promise that is fulfilled means "go on" to the Fastify adapter.
    void endpoint(raw, rawOf(response))
    return undefined
  })
  // The adapter has room for one hook: a later one comes after ours, not instead of it.
  adapter.setOnRequestHook = (hook) => {
    theirs = hook
  }
  return endpoints
}

/**
 * Puts an endpoint into the adapter's request hook: both platforms run it before anything that an application can add,
 * be it by `app.use`, plugins, Nest's CSRF protection, body parsers, middleware of modules, guards, pipes or interceptors.
 */
export function mount(adapter: RequestHookHost, path: string, endpoint: Endpoint): void {
  adapter[ENDPOINTS] ??= hookInto(adapter)
  adapter[ENDPOINTS].set(path, endpoint)
}
