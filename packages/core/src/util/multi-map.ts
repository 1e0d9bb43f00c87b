/** A map with several values under one key. A key is removed together with its last value. */
export class MultiMap<V> extends Map<string, Set<V>> {
  add(key: string, value: V): void {
    this.set(key, (this.get(key) ?? new Set()).add(value))
  }

  /** Removes a value. Returns true if it was there. */
  remove(key: string, value: V): boolean {
    const values = this.get(key)
    const wasThere = !!values?.delete(value)
    if (values?.size === 0) this.delete(key)
    return wasThere
  }

  /** Returns the values under these keys, each value once. */
  valuesOf(keys: Iterable<string>): V[] {
    if (this.size === 0) return []
    return [...new Set([...keys].flatMap((key) => [...(this.get(key) ?? [])]))]
  }
}
