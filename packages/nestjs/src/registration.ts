import type { BackchannelLogout } from '@bcl/core'
import type { BeforeApplicationShutdown, OnModuleDestroy, OnModuleInit } from '@nestjs/common'
import type { DiscoveryService, HttpAdapterHost, MetadataScanner } from '@nestjs/core'
import { addListeners } from './logout-listeners.js'
import { mount, type RequestHookHost } from './mount.js'
import { KEY } from './tokens.js'

/** What a module does in the life of the application. */
export interface Registration extends OnModuleInit, OnModuleDestroy, BeforeApplicationShutdown {
  /** Empty where it has none. */
  name: string
  path: string
}

/** The names of all registrations. Throws if two registrations have the same name or path: one would never be reached. */
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
 * Mounts the endpoint at once, finds the listeners at the start, and closes the receiver at the end. An application closes
 * the client of its store in `onApplicationShutdown` (RP-39a). The receiver is closed once more before that hook: logouts
 * arrive until the server is closed.
 */
export const register =
  (name: string, path: string) =>
  (
    logout: BackchannelLogout,
    host: HttpAdapterHost,
    discovery: DiscoveryService,
    scanner: MetadataScanner,
  ): Registration => {
    const close = (): Promise<void> => logout.close()
    return {
      name,
      path,
      onModuleInit() {
        addListeners(logout, discovery, scanner, name, namesOf(discovery))
        // An application context has no adapter.
        const adapter = host.httpAdapter as RequestHookHost | null
        if (!adapter) return
        mount(adapter, path, logout)
        const { close: closeServer } = adapter
        adapter.close = () => Promise.all([closeServer.call(adapter), close()]).finally(close)
      },
      onModuleDestroy: close,
      beforeApplicationShutdown: close,
    }
  }
