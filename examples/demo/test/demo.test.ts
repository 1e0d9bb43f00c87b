import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, it } from 'vitest'

it('the demo ends well', { timeout: 60_000 }, async () => {
  const demo = fileURLToPath(new URL('../src/demo.ts', import.meta.url))
  const { stdout } = await promisify(execFile)(process.execPath, [demo])
  expect(stdout).toContain('Every session was alive or dead as it should be.')
  expect(stdout).not.toContain('\u001B')
})
