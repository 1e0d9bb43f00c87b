import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'

// The folder is inside the package, so that an import of '@bcl/testing' resolves to the package itself.
const folder = mkdtempSync(fileURLToPath(new URL('../dist/readme-', import.meta.url)))
afterAll(() => rmSync(folder, { recursive: true }))

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!)
const runnable = blocks.filter((code) => code.includes("'node:test'"))

test('the README has examples for node:test and for vitest', () => {
  expect(runnable.length).toBeGreaterThan(5)
  expect(blocks.filter((code) => code.includes("'vitest'"))).toHaveLength(blocks.length - runnable.length)
})

const nameOf = (code: string): string => /import \{ (.*) \} from '@bcl\/testing'/.exec(code)![1]!

test.each(runnable.map((code, index) => [`${index + 1}: ${nameOf(code)}`, code] as const))(
  'README example %s passes',
  { timeout: 60_000 },
  async (_, code) => {
    const file = join(folder, `${runnable.indexOf(code)}.test.ts`)
    writeFileSync(file, code)
    const child = spawn(process.execPath, ['--experimental-strip-types', '--no-warnings', '--test', file], {
      stdio: 'pipe',
    })
    const [out, err, [exit]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    expect(exit, out + err).toBe(0)
    expect(out).toMatch(/^. pass [1-9]/m)
    expect(out).toMatch(/^. fail 0$/m)
  },
)
