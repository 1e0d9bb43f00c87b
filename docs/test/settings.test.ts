// Checks the code of all pages for settings that a reader copies: logs and secrets.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import Fastify from 'fastify'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'

const root = join(import.meta.dirname, '../..')

test('each code block that creates a receiver logs its deliveries, except the tests', () => {
  const pages = globSync(['README.md', 'docs/**/*.md', 'packages/*/README.md'], {
    cwd: root,
    exclude: ['**/node_modules/**', 'docs/api/**'],
  })
  const receivers = pages.flatMap((page) =>
    codeBlocks(readFileSync(join(root, page), 'utf8'))
      .filter(({ code }) => /createBackchannelLogout\(\{|BackchannelLogoutModule\.forRoot/.test(code))
      .filter(({ code }) => !/'(?:node:test|vitest)'/.test(code))
      .map(({ code }) => ({ page, code })),
  )
  assert.ok(receivers.length > 20)
  assert.deepEqual(
    receivers.filter(({ code }) => !/\bonDelivery\b/.test(code)),
    [],
  )
})

test('no page turns off the check of pushes if a variable is not set', () => {
  const pages = globSync(['docs/**/*.md', 'packages/*/README.md'], { cwd: root, exclude: ['**/node_modules/**'] })
  const unchecked = pages.filter((page) =>
    /pushAuthorization: process\.env/.test(readFileSync(join(root, page), 'utf8')),
  )
  assert.deepEqual(unchecked, [])
})

test('each receiver of security events checks the Authorization header, except the one for Google', () => {
  const pages = globSync(['docs/**/*.md', 'packages/*/README.md'], { cwd: root, exclude: ['**/node_modules/**'] })
  const unchecked = pages.filter((page) => {
    const blocks = codeBlocks(readFileSync(join(root, page), 'utf8'))
    return blocks.some(
      ({ code }) => code.includes('createSecurityEventReceiver({') && !/\bpushAuthorization\b/.test(code),
    )
  })
  assert.deepEqual(unchecked, ['docs/security-events/google.md'])
})

test('no page sets trustProxy of Fastify to a number, because Fastify ignores a number', async () => {
  const pages = globSync(['docs/**/*.md', 'packages/*/README.md'], { cwd: root, exclude: ['**/node_modules/**'] })
  const ignored = pages.filter((page) => /trustProxy: \d/.test(readFileSync(join(root, page), 'utf8')))
  assert.deepEqual(ignored, [])
  for (const trustProxy of ['127.0.0.1', 'uniquelocal']) {
    const app = Fastify({ trustProxy })
    app.get('/', async ({ protocol }) => protocol)
    const remoteAddress = trustProxy === 'uniquelocal' ? '172.18.0.2' : trustProxy
    const { body } = await app.inject({ url: '/', remoteAddress, headers: { 'x-forwarded-proto': 'https' } })
    assert.equal(body, 'https')
  }
})

test('each Fastify application of the pages and examples accepts logouts while it closes', () => {
  const exclude = ['**/node_modules/**']
  const files = globSync(['docs/**/*.md', 'packages/*/README.md', 'packages/*/src/**/*.ts', 'examples/*/src/**/*.ts'], {
    cwd: root,
    exclude,
  })
  const applications = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\b(?:Fastify|new FastifyAdapter)\(.*/g)].map(
      ([code]) => `${file}: ${code}`,
    ),
  )
  assert.ok(applications.length >= 6)
  assert.deepEqual(
    applications.filter((line) => !line.includes('return503OnClosing: false')),
    [],
  )
})

test('each page that shows how to run Express in production turns off the stacks in its answers', () => {
  const pages = [
    'docs/start/express.md',
    'docs/guides/passport.md',
    'docs/migrating.md',
    'docs/deploying/docker.md',
    'docs/deploying/kubernetes.md',
  ]
  const without = pages.filter((page) => !readFileSync(join(root, page), 'utf8').includes('NODE_ENV'))
  assert.deepEqual(without, [])
})
