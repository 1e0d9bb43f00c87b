import type { Type } from '@nestjs/common'
import { ActiveSessionGuard, injectRegistration } from './active-session.guard.js'

const guards = new Map<string, Type<ActiveSessionGuard>>()

/**
 * Returns the {@link ActiveSessionGuard} class for a `BackchannelLogoutModule` with a name. The same name always gives the same
 * class.
 *
 * @param name The `name` of the `BackchannelLogoutModule`.
 * @example
 * ```ts
 * import { activeSessionGuard } from '@bcl/nestjs'
 * import { Controller, UseGuards } from '@nestjs/common'
 *
 * @Controller('partner')
 * @UseGuards(activeSessionGuard('partner'))
 * export class PartnerController {}
 * ```
 */
export function activeSessionGuard(name: string): Type<ActiveSessionGuard> {
  const guard =
    guards.get(name) ?? injectRegistration(class NamedActiveSessionGuard extends ActiveSessionGuard {}, name)
  guards.set(name, guard)
  return guard
}
