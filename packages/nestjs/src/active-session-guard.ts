import type { Type } from '@nestjs/common'
import { ActiveSessionGuard, injectInto } from './active-session.guard.js'

const guards = new Map<string, Type<ActiveSessionGuard>>()

/**
 * The {@link ActiveSessionGuard} of a named registration.
 *
 * @param name The name given to `BackchannelLogoutModule`.
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
  const guard = guards.get(name) ?? injectInto(class NamedActiveSessionGuard extends ActiveSessionGuard {}, name)
  guards.set(name, guard)
  return guard
}
