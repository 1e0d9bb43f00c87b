import { isObject } from './objects.js'
import { systemNow } from './clock.js'

/** The check of an option, what it must be in words, and its default. An option without a default is required. */
export type Rule = readonly [
  test: (value: never, path: string) => boolean,
  words: string,
  ...otherwise: readonly unknown[],
]
export type Rules = Readonly<Record<string, Rule>>

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
export const isFunction = (value: unknown): boolean => typeof value === 'function'
export const isPeriod = (value: number): boolean => Number.isFinite(value) && value > 0
export const isListOf =
  (test: (value: never) => boolean, least = 1) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.length >= least && value.every(test as () => boolean)

export const mustBeText = 'must be a non-empty string'
export const mustBeFunction = 'must be a function'

export const text = (...otherwise: unknown[]): Rule => [isText, mustBeText, ...otherwise]
export const callback = (otherwise?: unknown): Rule => [isFunction, mustBeFunction, otherwise]
export const period = (otherwise: unknown): Rule => [isPeriod, 'must be seconds above 0', otherwise]
/** The first value is the default. */
export const oneOf = (...values: readonly unknown[]): Rule => [
  (value) => values.includes(value),
  `must be ${values.map(show).join(' or ')}`,
  values[0],
]

/** The options that say how keys are fetched. */
export const fetchRules: Rules = { fetch: callback(), allowInsecureRequests: oneOf(false, true) }
/** The option of functions that need nothing but a clock. */
export const nowRules: Rules = { now: callback(systemNow) }

/** Objects are not shown, as they can have secrets in them. */
function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(show)}]`
  return Object(value) === value ? typeof value : String(value)
}

/**
 * A wrong option is the programmer's mistake. Throws a `TypeError` that says where the option is and what it must be.
 *
 * @param got The value, and advice. Leave out both for a secret and for personal data.
 */
export function requireOption(
  condition: boolean,
  path: string,
  words: string,
  ...got: [value?: unknown, advice?: string]
): asserts condition {
  if (condition) return
  const [value, advice = ''] = got
  throw new TypeError(`${path} ${words}${got.length > 0 ? `, got ${show(value)}${advice}` : ''}`)
}

/**
 * Checks the options and fills in the defaults.
 *
 * @param path Where the options are, for messages. Empty for the options of a function.
 */
export function readOptions<T>(options: T, rules: Rules, path = ''): T {
  requireOption(isObject(options), path || 'options', 'must be an object')
  const before = path && `${path}.`
  const read: Record<string, unknown> = { ...options }
  for (const name in read) {
    if (name in rules) continue
    const pairs = name.toLowerCase().match(/..?/g) ?? []
    /** How many pairs of letters another name has in common with this one. */
    const shared = (other: string): number => pairs.filter((pair) => other.toLowerCase().includes(pair)).length
    const [nearest] = Object.keys(rules).sort((one, other) => shared(other) - shared(one))
    const question = 2 * shared(nearest!) < pairs.length ? '' : `. Did you mean ${nearest}?`
    requireOption(false, before + name, `is not an option${question}`)
  }
  for (const [name, [test, words, ...otherwise]] of Object.entries(rules)) {
    const { [name]: value = otherwise[0] } = options as Record<string, unknown>
    const isLeftOut = value === undefined && otherwise.length > 0
    // A secret is not shown.
    const got: [unknown?] = /keys|Secret/.test(name) ? [] : [value]
    requireOption(isLeftOut || test(value as never, before + name), before + name, words, ...got)
    read[name] = value
  }
  return read as T
}
