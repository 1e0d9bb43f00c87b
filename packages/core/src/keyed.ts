/** Values that are found under keys; a key without any takes no room. */
export interface Keyed<V> {
  add(keys: readonly string[], value: V): void
  /** Says whether it was there. */
  delete(keys: readonly string[], value: V): boolean
  /** Those under any of the keys, each once. */
  under(keys: Iterable<string>): V[]
  readonly sets: Map<string, Set<V>>
}

export function createKeyed<V>(): Keyed<V> {
  const sets = new Map<string, Set<V>>()
  return {
    sets,
    add(keys, value) {
      for (const key of keys) sets.set(key, (sets.get(key) ?? new Set()).add(value))
    },
    delete(keys, value) {
      let was = false
      for (const key of keys) {
        const values = sets.get(key)
        was = values?.delete(value) ?? was
        if (values?.size === 0) sets.delete(key)
      }
      return was
    },
    under: (keys) => (sets.size === 0 ? [] : [...new Set([...keys].flatMap((key) => [...(sets.get(key) ?? [])]))]),
  }
}
