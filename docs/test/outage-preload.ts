// Node.js loads this file with `--import` before an application. The `MemoryStore` of the application then fails while the
// file `OUTAGE` exists.
import { existsSync } from 'node:fs'

import { MemoryStore } from '@bcl/core'

const { values } = MemoryStore.prototype
MemoryStore.prototype.values = function (keys) {
  if (existsSync(process.env.OUTAGE!)) throw new Error('the store is down')
  return values.call(this, keys)
}
