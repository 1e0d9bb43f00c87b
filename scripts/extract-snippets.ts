// Writes each `ts` code block of the READMEs, the docs and the docstrings to docs/snippets, to be compiled.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const target = join(root, 'docs/snippets')
rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })

const exclude = ['**/node_modules/**']
const prose = globSync(['*.md', 'docs/**/*.md', 'packages/*/*.md', 'examples/*/*.md'], { cwd: root, exclude })
const sources = globSync(['packages/*/src/**/*.ts'], { cwd: root, exclude })
let count = 0
for (const file of [...prose, ...sources]) {
  const text = readFileSync(join(root, file), 'utf8')
  const lines = file.endsWith('.ts') ? text.replace(/^[ \t]*\* ?/gm, '') : text
  for (const [, language, code] of lines.matchAll(/^```(tsx?)\n([\s\S]*?)^```/gm)) {
    count += 1
    const name = `${file.replace(/\W+/g, '-')}-${count}.${language}`
    writeFileSync(join(target, name), `${code!.trimEnd()}\nexport {}\n`)
  }
}
if (count === 0) throw new Error('no snippets were found')
console.log(`${count} snippets`)
