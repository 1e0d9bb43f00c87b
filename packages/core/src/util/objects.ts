/** A JSON object as it was parsed: its members may be anything. */
export type JSONObject = Record<string, unknown>

/** Tells a JSON object from null, arrays and primitive values. */
export const isObject = (value: unknown): value is JSONObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Takes away the members that are `undefined`. */
export const defined = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never
