import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

/** Runs the step of action.yml with the flags of GitHub. Returns the arguments that it passes to `npx`. */
async function argumentsFor(inputs: Record<string, string>): Promise<string[]> {
  const action = await readFile(new URL('../../../action.yml', import.meta.url), 'utf8')
  const script = /^ {6}run: \|\n((?: {8}.*\n)+)/m.exec(action)![1]!
  const folder = await mkdtemp(join(tmpdir(), 'bcl-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'npx'), '#!/bin/sh\nprintf \'%s\\n\' "$@"\n', { mode: 0o755 })
  const env = { ...inputs, PATH: `${folder}:${process.env['PATH']}` }
  const { stdout } = await promisify(execFile)('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    env,
    cwd: folder,
  })
  return stdout.trim().split('\n')
}

const URL_INPUT = 'http://127.0.0.1:3001/logout?a=$(id)'

test('the GitHub Action splits its arguments at spaces, and no shell reads them again', async () => {
  const given = { URL: URL_INPUT, VERSION: 'latest', ARGUMENTS: '--only MUST --junit $(id).xml' }
  expect(await argumentsFor(given)).toEqual([
    '--yes',
    '@bcl/cli@latest',
    'conformance',
    URL_INPUT,
    '--only',
    'MUST',
    '--junit',
    '$(id).xml',
  ])
})

test('the GitHub Action needs no arguments', async () => {
  const args = await argumentsFor({ URL: URL_INPUT, VERSION: '0.1.0', ARGUMENTS: '' })
  expect(args).toEqual(['--yes', '@bcl/cli@0.1.0', 'conformance', URL_INPUT])
})
