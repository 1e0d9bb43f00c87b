/**
 * Refuses options with an unknown name. Without this check, a misspelt option would have no effect.
 *
 * @param options The options that the application passes to an adapter.
 * @param names The names of all options.
 * @throws {TypeError} if an option has another name. The message contains all names.
 * @example
 * ```ts
 * import { requireNames } from '@bcl/node'
 *
 * declare const options: { path?: string }
 *
 * requireNames(options, ['path'])
 * ```
 */
export function requireNames(options: object, names: readonly string[]): void {
  for (const name of Object.keys(Object(options))) {
    if (!names.includes(name)) throw new TypeError(`${name} is not an option. The options are: ${names.join(', ')}`)
  }
}

/**
 * Checks the options of `activeSession`. All of them are functions, and `session` is required.
 *
 * @throws {TypeError} if an option is wrong. The message contains the name of the option.
 * @example
 * ```ts
 * import { requireSessionOptions } from '@bcl/node'
 *
 * requireSessionOptions({ session: () => null })
 * ```
 */
export function requireSessionOptions(options: {
  session: unknown
  onLoggedOut?: unknown
  onUnavailable?: unknown
}): void {
  const names = ['session', 'onLoggedOut', 'onUnavailable'] as const
  requireNames(options, names)
  for (const name of names) {
    const value = Object(options)[name] as unknown
    const isLeftOut = value === undefined && name !== 'session'
    if (!isLeftOut && typeof value !== 'function') throw new TypeError(`${name} must be a function`)
  }
}
