// A test imports this file before an application. Then the application's MemoryStore fails while the file OUTAGE exists.
import { existsSync } from 'node:fs'

import { MemoryStore } from '@bcl/core'

const { values } = MemoryStore.prototype
MemoryStore.prototype.values = function (keys) {
  if (existsSync(process.env.OUTAGE!)) throw new Error('the store is down')
  return values.call(this, keys)
}
