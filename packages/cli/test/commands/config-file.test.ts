import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** Runs `bcl` in a folder with the given configuration file. */
function run(config: string, ...args: string[]) {
  const cwd = mkdtempSync(join(tmpdir(), 'bcl-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'bcl.config.json'), config)
  return spawnSync(process.execPath, [main, ...args], { cwd, encoding: 'utf8' })
}

test('takes options from bcl.config.json. Options on the command line override them', () => {
  const config = JSON.stringify({
    conformance: { only: 'answer/allow', url: 'http://127.0.0.1:9/x', wait: 0.1, port: 0 },
  })
  expect(run(config, 'conformance', '--list').stdout).toMatch(/^answer\/allow .*\n$/)
  expect(run(config, 'conformance', '--list', '--only', 'answer/in-time').stdout).toMatch(/^answer\/in-time .*\n$/)
  const { stdout, stderr } = run(config, 'conformance')
  expect(stdout).toContain('Waiting at most 0.1 s for http://127.0.0.1:9/x ...\n')
  expect(stderr).toMatch(/^Nothing answers at http:\/\/127\.0\.0\.1:9\/x/)
})

test.each([
  ['{', /bcl\.config\.json is not valid JSON/],
  ['{"conformance": {"onyl": "x"}}', /conformance has no option "onyl"\.\nIt has: url, port/],
  ['{"conformance": {"port": "x"}}', /port is wrong\.\nIt must be a whole number/],
])('a wrong file is an error: %s', (config, message) => {
  const { stderr, status } = run(config, 'conformance', '--list')
  expect(stderr).toMatch(message)
  expect(status).toBe(2)
})
