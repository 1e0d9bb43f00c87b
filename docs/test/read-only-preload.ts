// Node.js loads this file with `--import` before an application. The session store of the application is then read-only while
// the file `READ_ONLY` exists. A Redis server that has become a replica is such a store.
import { existsSync } from 'node:fs'

import session from 'express-session'

const { destroy, set } = session.MemoryStore.prototype
const failure = () => existsSync(process.env.READ_ONLY!) && new Error('the session store is read-only')
session.MemoryStore.prototype.destroy = function (id, done) {
  const error = failure()
  if (error) done!(error)
  else destroy.call(this, id, done)
}
session.MemoryStore.prototype.set = function (id, value, done) {
  const error = failure()
  if (error) done!(error)
  else set.call(this, id, value, done)
}
