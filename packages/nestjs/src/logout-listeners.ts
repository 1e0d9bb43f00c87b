import type { BackchannelLogout, LogoutEvent } from '@bcl/core'
import type { DiscoveryService, MetadataScanner } from '@nestjs/core'
import { listensTo } from './on-logout.decorator.js'

type Listener = (event: LogoutEvent) => unknown

/**
 * Registers the methods with `@OnLogout(name)` of all providers and controllers as listeners.
 *
 * @param names The names of all registrations.
 */
export function addListeners(
  logout: BackchannelLogout,
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  name: string,
  names: readonly string[],
): void {
  const seen = new Set<object>() // one provider can have several tokens
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const instance = wrapper.instance as object
    if (Object(instance) !== instance || seen.has(instance)) continue
    seen.add(instance)
    const prototype = Reflect.getPrototypeOf(instance) as Record<string, Listener> | null
    for (const method of scanner.getAllMethodNames(prototype)) {
      for (const wanted of listensTo(prototype![method]!)) {
        // Nest never constructs the instances that it holds of request-scoped and transient classes.
        const problem = !names.includes(wanted)
          ? `no BackchannelLogoutModule has the name "${wanted}"`
          : (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) && 'its class is request-scoped or transient'
        if (problem) throw new Error(`@OnLogout() on ${String(wrapper.name)}.${method}: ${problem}`)
        if (wanted === name) logout.onLogout((event) => (instance as Record<string, Listener>)[method]!(event))
      }
    }
  }
}
