import type { BackchannelLogout } from '@bcl/core'
import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common'
import type { DiscoveryService, HttpAdapterHost, MetadataScanner } from '@nestjs/core'
import { answer } from './endpoint.js'
import { logoutListeners } from './logout-listeners.js'
import { mount, type RequestHookHost } from './mount.js'
import { REGISTRATION } from './tokens.js'

/** What a module does in the life of the application. */
export interface Registration extends OnModuleInit, OnApplicationShutdown {
  /** Empty where it has none. */
  name: string
  path: string
}

/** The names of all registrations. Two that cannot be told apart are a mistake: one would never be reached. */
function namesOf(discovery: DiscoveryService): string[] {
  const registrations = discovery
    .getProviders()
    .filter(({ token }) => token === REGISTRATION)
    .map(({ instance }) => instance as Registration)
  for (const key of ['name', 'path'] as const) {
    const different = new Set(registrations.map((registration) => registration[key]))
    if (different.size < registrations.length) throw new Error(`Two BackchannelLogoutModules have the same ${key}`)
  }
  return registrations.map(({ name }) => name)
}

/** Mounts the endpoint at once, finds the listeners at the start, and closes the receiver at the end. */
export const register =
  (name: string, path: string) =>
  (
    logout: BackchannelLogout,
    host: HttpAdapterHost,
    discovery: DiscoveryService,
    scanner: MetadataScanner,
  ): Registration => {
    // At once under NestFactory; a testing module gets its adapter later, an application context none.
    host.init$.subscribe(() => {
      const adapter = host.httpAdapter as RequestHookHost | null
      if (adapter) mount(adapter, path, (request, response) => answer(logout, request, response))
    })
    return {
      name,
      path,
      onModuleInit() {
        for (const listener of logoutListeners(discovery, scanner, name, namesOf(discovery))) logout.onLogout(listener)
      },
      onApplicationShutdown: () => logout.close(),
    }
  }
