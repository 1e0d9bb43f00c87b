import { isObject } from './objects.js'

/** What an option must be, and what stands for one that is left out; without that it must not be. */
export type Rule = readonly [test: (value: never) => boolean, otherwise?: unknown]

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
export const isFlag = (value: unknown): boolean => typeof value === 'boolean'
export const isFunction = (value: unknown): boolean => typeof value === 'function'
export const isSeconds = (value: number): boolean => Number.isFinite(value) && value >= 0
export const isPeriod = (value: number): boolean => isSeconds(value) && value > 0
export const isOneOf =
  (...values: unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value)
export const isListOf =
  (test: (value: never) => boolean, least = 1) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.length >= least && value.every(test as () => boolean)

/** A wrong option is the programmer's mistake: a `TypeError` that names it. */
export function requireOption(condition: boolean, name: string, rule = 'as documented'): asserts condition {
  if (!condition) throw new TypeError(`"${name}" must be ${rule}`)
}

/** Checks each option that has a rule, and fills in those that were left out. */
export function readOptions<T>(options: T, rules: Record<string, Rule>, name = 'options', path = ''): T {
  requireOption(isObject(options), name)
  const read: Record<string, unknown> = { ...options }
  for (const [name, [test, ...otherwise]] of Object.entries(rules)) {
    const value = (options as Record<string, unknown>)[name]
    const isLeftOut = value === undefined && otherwise.length > 0
    requireOption(isLeftOut || test(value as never), path + name)
    read[name] = isLeftOut ? otherwise[0] : value
  }
  return read as T
}
