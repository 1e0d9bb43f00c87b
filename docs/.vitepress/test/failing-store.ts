/**
 * The code of a store that fails while the file `OUTAGE` exists. It is a text, because it becomes a part of the application that
 * is bundled. The bundle has its own copy of `MemoryStore`.
 */
export const failingStore = `new (class extends MemoryStore {
  override values(keys: readonly string[]) {
    if (process.getBuiltinModule('node:fs').existsSync(process.env.OUTAGE ?? '')) throw new Error('the store is down')
    return super.values(keys)
  }
})()`
