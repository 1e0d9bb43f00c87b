import assert from 'node:assert/strict'
import { test } from 'node:test'

import { freePort } from '../../checks/test-support/src/free-port.ts'

// An application of a page listens some seconds after the test has chosen its port. Other tests choose ports in the meantime.
test('no two applications get the same port', async () => {
  const ports = []
  while (ports.length < 1000) ports.push(await freePort())
  assert.equal(new Set(ports).size, ports.length)
})
