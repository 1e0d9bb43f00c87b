import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'

import { compile } from 'svelte/compiler'
import { parseAllDocuments } from 'yaml'
import { codeBlocks } from '../../../../checks/scripts/code-blocks.ts'

const root = resolve(import.meta.dirname, '../../../..')
/**
 * The check for the code of each language. `ts` and `tsx` have no check here, because the docs and the site compile them. The tests
 * of the site run the code in `js`.
 */
const checks: Record<string, (code: string) => void> = {
  ts: () => {},
  tsx: () => {},
  js: () => {},
  svelte: (code) => void compile(code, { generate: false }),
  sh: () => {},
  sql: () => {},
  dockerfile: (code) => assert.match(code, /^FROM [\s\S]*^(?:CMD|ENTRYPOINT) \[.*\]$/m),
  nginx(code) {
    for (const line of code.split('\n')) assert.match(line.replace(/#.*/, '').trim(), /^$|[;{}]$/)
  },
  text: (code) => assert.equal(code.match(/\{/g)?.length, code.match(/\}/g)?.length),
  json: (code) => void JSON.parse(code),
  yaml(code) {
    for (const { errors } of parseAllDocuments(code)) if (errors.length > 0) throw errors[0]!
  },
}

const exclude = ['**/node_modules/**', '**/CHANGELOG.md', 'docs/{.vitepress,api,snippets}/**']
for (const file of globSync(['*.md', 'docs/**/*.md', '{packages,examples}/*/*.md'], { cwd: root, exclude })) {
  test(`the code of ${file} is well-formed`, () => {
    for (const { language, code } of codeBlocks(readFileSync(join(root, file), 'utf8'))) {
      assert.ok(language in checks, `nothing checks ${language}`)
      checks[language]!(code)
    }
  })
}
