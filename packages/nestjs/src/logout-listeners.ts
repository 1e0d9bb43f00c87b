import type { BackchannelLogout, LogoutEvent } from '@bcl/core'
import { MetadataScanner, type DiscoveryService } from '@nestjs/core'
import { listensTo } from './on-logout.decorator.js'

type Listener = (event: LogoutEvent) => unknown

/**
 * Registers listeners: the methods with `@OnLogout(name)` of all providers and controllers.
 *
 * @param name The name of the `BackchannelLogoutModule` that gets the listeners.
 * @param names The names of all `BackchannelLogoutModule`s.
 * @throws {Error} if a method has a name that is not in `names`, or if its class is request-scoped or transient.
 */
export function addListeners(
  logout: BackchannelLogout,
  discovery: DiscoveryService,
  name: string,
  names: readonly string[],
): void {
  const scanner = new MetadataScanner()
  const seen = new Set<object>() // one instance can be provided under several tokens
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const { instance } = wrapper as { instance: Record<string, Listener> }
    if (Object(instance) !== instance || seen.has(instance)) continue
    seen.add(instance)
    const prototype = Object.getPrototypeOf(instance) as Record<string, Listener> | null
    for (const method of scanner.getAllMethodNames(prototype)) {
      for (const wanted of listensTo(prototype![method]!)) {
        // For a request-scoped or transient class, Nest has only an instance whose constructor was not called. Such an
        // instance cannot listen.
        const problem = names.includes(wanted)
          ? (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) && 'its class is request-scoped or transient'
          : `no BackchannelLogoutModule has the name "${wanted}"`
        if (problem) throw new Error(`@OnLogout() on ${String(wrapper.name)}.${method}: ${problem}`)
        if (wanted === name) logout.onLogout((event) => instance[method]!(event))
      }
    }
  }
}
