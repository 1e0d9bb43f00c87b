/** A map of limited size. It drops the least recently used entry. Use it for keys that an attacker can choose. */
export class LruMap<V> extends Map<string, V> {
  readonly #maxSize: number
  constructor(maxSize: number) {
    super()
    this.#maxSize = maxSize
  }
  override get(key: string): V | undefined {
    const value = super.get(key)
    // Moves the entry to the end. While the map is not half full, no entry is dropped soon, so the move is left out to save time.
    if (value !== undefined && 2 * this.size > this.#maxSize) this.set(key, value)
    return value
  }
  override set(key: string, value: V): this {
    this.delete(key)
    super.set(key, value)
    if (this.size > this.#maxSize) this.delete(this.keys().next().value!)
    return this
  }
}
