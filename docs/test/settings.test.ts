// Checks the code of all pages for settings that a reader copies: logs and secrets.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../..')

test('each guide that creates a receiver logs its deliveries', () => {
  const pages = globSync('docs/{start,guides,deploying}/*.md', { cwd: root })
  const withReceiver = pages.filter((page) =>
    /createBackchannelLogout\(\{|BackchannelLogoutModule\.forRoot/.test(readFileSync(join(root, page), 'utf8')),
  )
  assert.ok(withReceiver.length > 10)
  const silent = withReceiver.filter((page) => !readFileSync(join(root, page), 'utf8').includes('onDelivery'))
  assert.deepEqual(silent, [])
})

test('no page turns off the check of pushes if a variable is not set', () => {
  const pages = globSync(['docs/**/*.md', 'packages/*/README.md'], { cwd: root, exclude: ['**/node_modules/**'] })
  const unchecked = pages.filter((page) =>
    /pushAuthorization: process\.env/.test(readFileSync(join(root, page), 'utf8')),
  )
  assert.deepEqual(unchecked, [])
})
