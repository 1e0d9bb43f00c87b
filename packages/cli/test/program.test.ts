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

test('bcl --help lists the commands', async () => {
  const { code, out } = await bcl(['--help'])
  expect(code).toBe(0)
  for (const command of ['conformance', 'doctor', 'inspect', 'provider', 'send']) expect(out).toContain(command)
})

test.each(['conformance', 'doctor', 'inspect', 'provider', 'send'])('bcl %s --help has examples', async (command) => {
  const { code, out } = await bcl([command, '--help'])
  expect(code).toBe(0)
  expect(out).toMatch(/Examples:\n {2}\$ /)
})

test('bcl --version prints a version', async () => {
  expect((await bcl(['--version'])).out).toMatch(/^\d+\.\d+\.\d+/)
})

test('bcl conformance --list lists all cases, or the cases of --only', async () => {
  const { code, out } = await bcl(['conformance', '--list'])
  expect(code).toBe(0)
  expect(out.trim().split('\n')).toHaveLength(conformanceCases.length)
  const selected = await bcl([
    'conformance',
    '--list',
    '--only',
    'RP-44',
    '--only',
    'answer/allow,answer/in-time',
    '--json',
  ])
  const { cases } = JSON.parse(selected.out) as { cases: { id: string }[] }
  expect(cases.map(({ id }) => id)).toEqual(['answer/no-redirect', 'answer/allow', 'answer/in-time'])
})

test('a reader of the output may close the pipe', async () => {
  const child = start(['conformance', '--list', '--json'])
  child.stdout.destroy()
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect(err).toBe('')
  expect(code).toBe(2)
})

const unreachable = 'http://127.0.0.1:9999/logout'
const manifest = fileURLToPath(new URL('../package.json', import.meta.url))

test.each([
  ['no endpoint', ['conformance'], /No endpoint was given\.\nPass its address: bcl/],
  ['a text that is no URL', ['conformance', 'app/logout'], /It must be a URL/],
  ['a fragment', ['conformance', 'http://127.0.0.1/logout#x'], /Remove the #/],
  ['another scheme', ['send', 'ftp://127.0.0.1/logout'], /start with http/],
  ['a port that is no number', ['send', unreachable, '--port', 'x'], /whole number/],
  ['an unknown option', ['inspect', '--x'], /^Unknown option '--x'\.\nSee "bcl inspect --help"\.\n$/],
  [
    'a client_id that looks like an option',
    ['doctor', unreachable, '-x', unreachable],
    /^Unknown option '-x'\.\nIf this is your client_id, write -- before the arguments: bcl doctor -- <issuer> -x <url>\nSee/,
  ],
  ['a misspelt option', ['send', '--prot', '1'], /^Unknown option '--prot'\n\(Did you mean --port\?\)\nSee/],
  ['an unknown command', ['sned'], /^Unknown command 'sned'[^]*See "bcl --help"\.\n$/],
  ['a missing argument', ['doctor', unreachable, 'me'], /^Missing required argument 'url'\.\nSee "bcl doctor --help"/],
  ['an extra argument', ['inspect', 'a', 'b'], /^Too many arguments .*\nSee "bcl inspect --help"/],
  [
    'an unknown case',
    ['conformance', unreachable, '--only', 'MUST,x'],
    /^No conformance case is named "x"\.\nUse .*--list/,
  ],
  [
    'a Redis address without a scheme',
    ['doctor', unreachable, 'me', unreachable, '--redis', '127.0.0.1:6379'],
    /It must .*redis:/,
  ],
  ['an unknown algorithm', ['doctor', unreachable, 'me', unreachable, '--alg', 'rs256'], /It must .*such as RS256/],
  [
    'a report that cannot be written',
    ['conformance', unreachable, '--html', '/nowhere/x'],
    /^\/nowhere\/x cannot be .*\nUse a path/,
  ],
  ['no token', ['inspect'], /^No token was given\.\nPass a token/],
  ['a claim without a value', ['send', unreachable, '--claim', 'x'], /name=value/],
  [
    'an endpoint that does not answer',
    ['conformance', unreachable, '--port', '0', '--wait', '0.1'],
    /Nothing answers .*\.\nStart your app/,
  ],
  ['a text that is no token', ['inspect', 'abc'], /three or five parts .*\nCopy the whole token/],
  ['a missing file of keys', ['inspect', 'a.b.c', '--keys', '/nowhere'], /has no keys .*\nPass the URL/],
  [
    'a file without keys',
    ['inspect', 'a.b.c', '--keys', manifest],
    /has no keys \("keys" is not a list\)\.\nPass the URL/,
  ],
])('%s causes an error of one sentence and a remedy', async (_, args, message) => {
  const { code, err } = await bcl(args)
  expect(err).toMatch(message)
  expect(err).not.toMatch(/\n {4}at /)
  expect(code).toBe(2)
})

test('a port in use causes an error of one sentence and a remedy', async () => {
  const server: Server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const { code, err } = await bcl(['send', unreachable, '--port', String(port)])
  server.close()
  expect(err).toBe(
    `Port ${port} is in use.\nChoose another port with --port, and configure your application with the new ISSUER.\n`,
  )
  expect(code).toBe(2)
})

test('the package exports three functions', async () => {
  const root = await import('../dist/index.js')
  expect(Object.keys(root).sort()).toEqual(['formatHtml', 'formatJUnit', 'inspectLogoutToken'])
})

const packages = globSync('packages/*/dist/index.js', { cwd: new URL('../../..', import.meta.url).pathname })

test('each package has an index.js', () => {
  expect(packages).toHaveLength(
    globSync('packages/*/package.json', { cwd: new URL('../../..', import.meta.url).pathname }).length,
  )
})

test.each(packages)('importing %s has no side effect', async (path) => {
  const root = new URL(`../../../${path}`, import.meta.url).href
  // The process gets the argument --help. If the import ran `bcl`, the output would be the help.
  const script = `
    const before = new Set(Object.keys(globalThis))
    await import(${JSON.stringify(root)})
    // The globals that start with __ come from tslib, a dependency of NestJS.
    const globals = Object.keys(globalThis).filter((name) => !before.has(name) && !name.startsWith('__'))
    const resources = process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FS/.test(name))
    console.log(JSON.stringify({ globals, resources, code: process.exitCode ?? 0 }))`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, '--', '--help'], { stdio: 'pipe' })
  child.stdin.end()
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  expect({ out: JSON.parse(out), err, code }).toEqual({
    out: { globals: [], resources: [], code: 0 },
    err: '',
    code: 0,
  })
})
