/** What an option must be: how to tell, and how to say it. */
export type Rule = readonly [test: (value: never) => boolean, rule: string]

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isSeconds = (value: number): boolean => Number.isFinite(value) && value >= 0
const list = (test: (value: never) => boolean): Rule[0] =>
  ((value: never[]) => Array.isArray(value) && value.length > 0 && value.every(test)) as never

export const text: Rule = [isText, 'a non-empty string']
export const listOf = (test: (value: never) => boolean, what: string): Rule => [list(test), `a list of ${what}`]
export const seconds: Rule = [isSeconds as never, 'a finite number of seconds']
export const period: Rule = [
  ((value: number) => isSeconds(value) && value > 0) as never,
  'a finite number of seconds, above 0',
]
export const flag: Rule = [(value: unknown) => typeof value === 'boolean', 'a boolean']
export const callable: Rule = [(value: unknown) => typeof value === 'function', 'a function']
export const oneOf = (...values: unknown[]): Rule => [
  (value) => values.includes(value),
  values.map((value) => JSON.stringify(value)).join(' or '),
]
export const optional = ([test, rule]: Rule): Rule => [(value) => value === undefined || test(value), rule]

/** A wrong option is the programmer's mistake: a `TypeError` at construction that names the option. */
export function requireOption(condition: boolean, name: string, rule: string): asserts condition {
  if (!condition) throw new TypeError(`option "${name}" must be ${rule}`)
}

/** Checks each option that has a rule. */
export function requireOptions(options: object, rules: Record<string, Rule>, path = ''): void {
  for (const [name, [test, rule]] of Object.entries(rules))
    requireOption(test((options as Record<string, never>)[name]!), path + name, rule)
}
