import { isObject } from './objects.js'
import { systemNow } from './clock.js'

/** The check of an option, the end of its error message, and its default. An option without a default is required. */
export type Rule = readonly [
  test: (value: never, path: string) => boolean,
  words: string,
  ...defaults: readonly unknown[],
]
export type Rules = Readonly<Record<string, Rule>>

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
export const isFunction = (value: unknown): boolean => typeof value === 'function'
export const isPeriod = (value: number): boolean => Number.isFinite(value) && value > 0
export const isListOf =
  (test: (value: never) => boolean, minLength = 1) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.length >= minLength && value.every(test as () => boolean)

export const mustBeText = 'must be a non-empty string'
export const mustBeFunction = 'must be a function'

export const text = (...defaults: unknown[]): Rule => [isText, mustBeText, ...defaults]
export const callback = (defaultValue?: unknown): Rule => [isFunction, mustBeFunction, defaultValue]
export const period = (defaultValue: unknown): Rule => [isPeriod, 'must be seconds above 0', defaultValue]
export const periodOrZero = (defaultValue: unknown): Rule => [
  (value) => value === 0 || isPeriod(value),
  'must be seconds, 0 or more',
  defaultValue,
]
/** The first value is the default. */
export const oneOf = (...values: readonly unknown[]): Rule => [
  (value) => values.includes(value),
  `must be ${values.map(show).join(' or ')}`,
  values[0],
]

/** The options for fetching keys. */
export const fetchRules: Rules = { fetch: callback(), allowInsecureRequests: oneOf(false, true) }
/** The options of functions that need only a clock. */
export const nowRules: Rules = { now: callback(systemNow) }

const isWeb = (text: string): boolean => /^http/i.test(text) && URL.canParse(text)

/** Formats a value for a message. Hides objects, because they can contain secrets. */
export function show(value: unknown): string {
  // The address of a database can contain a password.
  if (typeof value === 'string')
    return JSON.stringify(value.replace(isWeb(value) ? /^([^:]*:[\\/]*)[^\\/?#]*@/ : /^([^/]*\/\/).*@/s, '$1…@'))
  if (Array.isArray(value)) return `[${value.map(show)}]`
  return Object(value) === value ? typeof value : String(value)
}

/**
 * Throws a `TypeError` if an option is wrong. The message contains the path of the option and the rule.
 *
 * @param got The value, for the message. Leave it out if it is a secret or personal data.
 */
export function requireOption(
  condition: boolean,
  path: string,
  words: string,
  ...got: [value?: unknown]
): asserts condition {
  if (!condition) throw new TypeError(`${path} ${words}${got.map((value) => `, got ${show(value)}`)}`)
}

/**
 * Finds the option name that is most similar to a misspelt name. The option name must contain at least half of the letter
 * pairs of the misspelt name.
 */
function suggest(misspelt: string, names: string[]): string {
  const pairs = misspelt.toLowerCase().match(/..?/g) ?? []
  const shared = (name: string): number => pairs.filter((pair) => name.toLowerCase().includes(pair)).length
  const [nearest] = names.sort((one, other) => shared(other) - shared(one))
  return 2 * shared(nearest!) < pairs.length ? '' : `. Did you mean ${nearest}?`
}

/**
 * Checks the options and fills in the defaults.
 *
 * @param path The path of the options, for messages. It is empty for the options of a function.
 */
export function readOptions<T>(options: T, rules: Rules, path = ''): T {
  requireOption(isObject(options), path || 'options', 'must be an object')
  const read: Record<string, unknown> = {}
  for (const name of Object.keys({ ...options, ...rules })) {
    const namePath = (path && `${path}.`) + name
    const rule = rules[name]
    // A name such as `constructor` finds a function instead of a rule.
    if (!Array.isArray(rule)) requireOption(false, namePath, `is not an option${suggest(name, Object.keys(rules))}`)
    const [test, words, defaultValue] = rule
    const { [name]: value = defaultValue } = options
    requireOption(
      (value === undefined && rule.length > 2) || test(value as never, namePath),
      namePath,
      words,
      // Secrets are not shown.
      ...((/keys$|Secret/.test(name) ? [] : [value]) as [unknown?]),
    )
    read[name] = value
  }
  return read as T
}
