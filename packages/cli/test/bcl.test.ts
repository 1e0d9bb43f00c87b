import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { conformanceCases } from '@bcl/testing'
import { expect, test } from 'vitest'
import { bcl } from './bcl.ts'

test('bcl says what it can do', async () => {
  const { code, out } = await bcl(['--help'])
  expect(code).toBe(0)
  for (const command of ['conformance', 'doctor', 'inspect', 'send']) expect(out).toContain(command)
})

test.each(['conformance', 'doctor', 'inspect', 'send'])('bcl %s --help has examples', async (command) => {
  const { code, out } = await bcl([command, '--help'])
  expect(code).toBe(0)
  expect(out).toMatch(/Examples:\n {2}\$ /)
})

test('bcl --version is that of the package', async () => {
  expect((await bcl(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/)
})

test('bcl conformance --list has each case', async () => {
  const { code, out } = await bcl(['conformance', '--list'])
  expect(code).toBe(0)
  expect(out.trim().split('\n')).toHaveLength(conformanceCases.length)
})

const nobody = 'http://127.0.0.1:9999/logout'

test.each([
  ['no endpoint', ['conformance'], /No endpoint was given\.\nName it: bcl/],
  ['what is no URL', ['conformance', 'app/logout'], /It must be a URL/],
  ['a fragment', ['conformance', 'http://127.0.0.1/logout#x'], /leave out the #/],
  ['another scheme', ['send', 'ftp://127.0.0.1/logout'], /begin with http/],
  ['a port that is none', ['send', nobody, '--port', 'x'], /whole number/],
  ['an unknown option', ['doctor', '--x'], /unknown option/],
  ['a claim that is none', ['send', nobody, '--claim', 'x'], /name=value/],
  ['nobody there', ['conformance', nobody, '--port', '0', '--wait', '0.1'], /Nothing answers .*\.\nStart your app/],
  ['a token that is none', ['inspect', 'abc'], /three parts .*\nCopy it whole/],
  ['keys that are none', ['inspect', 'a.b.c', '--keys', '/nowhere'], /has no keys .*\nGive the URL/],
])('%s is an error of one sentence and a remedy', async (_, args, said) => {
  const { code, err } = await bcl(args)
  expect(err).toMatch(said)
  expect(err).not.toMatch(/\n {4}at /)
  expect(code).toBe(2)
})

test('a port in use is an error of one sentence and a remedy', async () => {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, err } = await bcl(['send', nobody, '--port', String(port)])
  server.close()
  expect(err).toBe(`Port ${port} is in use.\nChoose another one with --port, and tell your application.\n`)
  expect(code).toBe(2)
})

test('the root of the package does nothing but give functions', async () => {
  const root = await import('../dist/index.js')
  expect(Object.keys(root).sort()).toEqual(['formatHtml', 'formatJUnit', 'inspectLogoutToken'])
})
