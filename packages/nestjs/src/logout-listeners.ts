import type { LogoutEvent } from '@bcl/core'
import type { DiscoveryService, MetadataScanner } from '@nestjs/core'
import { listensTo } from './on-logout.decorator.js'

type Listener = (event: LogoutEvent) => unknown

/**
 * The methods with `@OnLogout(name)` of all providers and controllers, bound to their instances.
 *
 * @param names Those of all registrations.
 */
export function logoutListeners(
  discovery: DiscoveryService,
  scanner: MetadataScanner,
  name: string,
  names: readonly string[],
): Listener[] {
  const listeners: Listener[] = []
  const seen = new Set<object>() // one provider may stand under several tokens
  for (const wrapper of [...discovery.getProviders(), ...discovery.getControllers()]) {
    const instance = wrapper.instance as object
    if (Object(instance) !== instance || seen.has(instance)) continue
    seen.add(instance)
    const prototype = Reflect.getPrototypeOf(instance) as Record<string, Listener> | null
    for (const method of scanner.getAllMethodNames(prototype)) {
      const wanted = listensTo(prototype![method]!)
      const refuse = (why: string): never => {
        throw new Error(`@OnLogout() on ${String(wrapper.name)}.${method}: ${why}`)
      }
      const unknown = wanted.find((each) => !names.includes(each))
      if (unknown !== undefined) refuse(`no BackchannelLogoutModule has the name "${unknown}"`)
      if (!wanted.includes(name)) continue
      // Of these Nest holds instances that were never constructed.
      if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) refuse('its class is request-scoped or transient')
      listeners.push((event) => (instance as Record<string, Listener>)[method]!(event))
    }
  }
  return listeners
}
