import type { BackchannelLogout } from '@bcl/core'
import type { BeforeApplicationShutdown, OnModuleDestroy, OnModuleInit } from '@nestjs/common'
import type { DiscoveryService, HttpAdapterHost } from '@nestjs/core'
import { addListeners } from './logout-listeners.js'
import { mount, type RequestHookHost } from './mount.js'
import { KEY } from './tokens.js'

/** The lifecycle hooks of one `BackchannelLogoutModule`. */
export interface Registration extends OnModuleInit, OnModuleDestroy, BeforeApplicationShutdown {
  /** The name of the module, or an empty string. */
  name: string
  path: string
}

/** Returns the names of all `BackchannelLogoutModule`s. Throws if two of them have the same name or path. */
function namesOf(discovery: DiscoveryService): string[] {
  const registrations = discovery
    .getProviders()
    .filter(({ token }) => token === KEY)
    .map(({ instance }) => instance as Registration)
  for (const key of ['name', 'path'] as const) {
    const different = new Set(registrations.map((registration) => registration[key]))
    if (different.size < registrations.length) throw new Error(`Two BackchannelLogoutModules have the same ${key}`)
  }
  return registrations.map(({ name }) => name)
}

/**
 * Adds the listeners and mounts the endpoint when the application starts. Closes the receiver on shutdown.
 *
 * Calls `close` of the receiver several times, because logouts can arrive until the server is closed. The last call
 * comes before `onApplicationShutdown`, because applications close the client of the store there (RP-39a).
 */
export const register =
  (name: string, path: string) =>
  (logout: BackchannelLogout, host: HttpAdapterHost, discovery: DiscoveryService): Registration => {
    const close = (): Promise<void> => logout.close()
    return {
      name,
      path,
      onModuleInit() {
        addListeners(logout, discovery, name, namesOf(discovery))
        // An application context without a server has no HTTP adapter.
        const adapter = host.httpAdapter as RequestHookHost | null
        if (!adapter) return
        mount(adapter, path, logout)
        const closeServer = adapter.close.bind(adapter)
        adapter.close = () => Promise.all([closeServer(), close()]).finally(close)
      },
      onModuleDestroy: close,
      beforeApplicationShutdown: close,
    }
  }
