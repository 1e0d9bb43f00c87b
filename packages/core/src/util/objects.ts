/** A parsed JSON object. Its members have unknown types. */
export type JSONObject = Record<string, unknown>

/** Tells whether a value is a JSON object: not null, not an array, not a primitive value. */
export const isObject = (value: unknown): value is JSONObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Copies an object without the members that are `undefined`. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const copy = {} as T
  for (const name in object) if (object[name] !== undefined) copy[name] = object[name]
  return copy as never
}
