import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { conformanceCases } from '@bcl/testing'
import { expect, test } from 'vitest'
import { bcl, start } from './bcl.ts'

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

test('bcl conformance --list has each case, or those that are named', async () => {
  const { code, out } = await bcl(['conformance', '--list'])
  expect(code).toBe(0)
  expect(out.trim().split('\n')).toHaveLength(conformanceCases.length)
  const some = await bcl([
    'conformance',
    '--list',
    '--only',
    'RP-44',
    '--only',
    'answer/allow,answer/in-time',
    '--json',
  ])
  const { cases } = JSON.parse(some.out) as { cases: { id: string }[] }
  expect(cases.map(({ id }) => id)).toEqual(['answer/no-redirect', 'answer/allow', 'answer/in-time'])
})

test('whoever has read enough may go', async () => {
  const child = start(['conformance', '--list', '--json'])
  child.stdout.destroy()
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect(err).toBe('')
  expect(code).toBe(2)
})

const nobody = 'http://127.0.0.1:9999/logout'
const manifest = fileURLToPath(new URL('../package.json', import.meta.url))

test.each([
  ['no endpoint', ['conformance'], /No endpoint was given\.\nName it: bcl/],
  ['what is no URL', ['conformance', 'app/logout'], /It must be a URL/],
  ['a fragment', ['conformance', 'http://127.0.0.1/logout#x'], /leave out the #/],
  ['another scheme', ['send', 'ftp://127.0.0.1/logout'], /begin with http/],
  ['a port that is none', ['send', nobody, '--port', 'x'], /whole number/],
  ['an unknown option', ['doctor', '--x'], /^Unknown option '--x'\.\nSee "bcl doctor --help"\.\n$/],
  ['an option that is nearly one', ['send', '--prot', '1'], /^Unknown option '--prot'\n\(Did you mean --port\?\)\nSee/],
  ['an unknown command', ['sned'], /^Unknown command 'sned'[^]*See "bcl --help"\.\n$/],
  ['an argument too few', ['doctor', nobody, 'me'], /^Missing required argument 'url'\.\nSee "bcl doctor --help"/],
  ['an argument too many', ['inspect', 'a', 'b'], /^Too many arguments .*\nSee "bcl inspect --help"/],
  ['no case', ['conformance', nobody, '--only', 'MUST,x'], /^No conformance case is named "x"\.\nName .*--list/],
  ['a Redis that is none', ['doctor', nobody, 'me', nobody, '--redis', '127.0.0.1:6379'], /It must .*redis:/],
  ['an algorithm that is none', ['doctor', nobody, 'me', nobody, '--alg', 'rs256'], /It must .*such as RS256/],
  ['a report nowhere', ['conformance', nobody, '--html', '/nowhere/x'], /^\/nowhere\/x cannot be .*\nGive a path/],
  ['no token', ['inspect'], /^No token was given\.\nName it/],
  ['a claim that is none', ['send', nobody, '--claim', 'x'], /name=value/],
  ['nobody there', ['conformance', nobody, '--port', '0', '--wait', '0.1'], /Nothing answers .*\.\nStart your app/],
  ['a token that is none', ['inspect', 'abc'], /three parts .*\nCopy it whole/],
  ['keys that are nowhere', ['inspect', 'a.b.c', '--keys', '/nowhere'], /has no keys .*\nGive the URL/],
  ['keys that are none', ['inspect', 'a.b.c', '--keys', manifest], /has no keys \("keys" is no list\)\.\nGive the URL/],
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

test('what the root of the package has', async () => {
  const root = await import('../dist/index.js')
  expect(Object.keys(root).sort()).toEqual(['formatHtml', 'formatJUnit', 'inspectLogoutToken'])
})

const packages = globSync('packages/*/dist/index.js', { cwd: new URL('../../..', import.meta.url).pathname })

test('each package has a root', () => {
  expect(packages).toHaveLength(8)
})

test.each(packages)('importing %s does nothing', async (path) => {
  const root = new URL(`../../../${path}`, import.meta.url).href
  // With arguments that bcl would obey. What it leaves behind would keep the process from ending.
  const script = `
    const before = new Set(Object.keys(globalThis))
    await import(${JSON.stringify(root)})
    // Those of tslib come with NestJS itself.
    const made = Object.keys(globalThis).filter((name) => !before.has(name) && !name.startsWith('__'))
    const left = process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS/.test(name))
    console.log(JSON.stringify({ made, left, code: process.exitCode ?? 0 }))`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, '--', '--help'], { stdio: 'pipe' })
  child.stdin.end()
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  expect({ out: JSON.parse(out), err, code }).toEqual({ out: { made: [], left: [], code: 0 }, err: '', code: 0 })
})
