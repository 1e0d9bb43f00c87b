// Writes each `ts`, `tsx` or `svelte` code block of the READMEs, the docs and the docstrings to a file, to compile it. Run this in
// `docs`, or in `docs/.vitepress` for the pages that the site compiles. Each page has a folder, so that its blocks can import each other.
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { codeBlocks } from './code-blocks.ts'

const root = resolve(import.meta.dirname, '../..')
const site = 'docs/.vitepress'
/** The site compiles these pages. Their frameworks need an older TypeScript and the resolution of a bundler. */
const ofSite = new Set(['docs/start/nextjs.md', 'docs/start/nextjs-authjs.md', 'docs/start/sveltekit.md'])
const isSite = process.cwd() === join(root, site)
const snippets = join(root, isSite ? site : 'docs', 'snippets')
rmSync(snippets, { recursive: true, force: true })

const exclude = ['**/node_modules/**', 'docs/api/**', `${site}/**`]
const prose = globSync(['*.md', 'docs/**/*.md', 'packages/*/*.md', 'examples/*/*.md'], { cwd: root, exclude })
const sources = globSync(['packages/*/src/**/*.ts'], { cwd: root, exclude })
let count = 0
for (const file of [...prose, ...sources].filter((path) => ofSite.has(path) === isSite)) {
  const text = readFileSync(join(root, file), 'utf8')
  const lines = file.endsWith('.ts') ? text.replace(/^[ \t]*\* ?/gm, '') : text
  const folder = join(snippets, file.replace(/\W+/g, '-'))
  const written = new Set<string>()
  for (const { language, name, code } of codeBlocks(lines)) {
    if (!/^(?:tsx?|svelte)$/.test(language)) continue
    count += 1
    const path = name ?? `${count}.${language}`
    if (written.has(path)) throw new Error(`${file} has two blocks for ${path}`)
    written.add(path)
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), language === 'svelte' ? code : `${code.trimEnd()}\nexport {}\n`)
  }
}
if (count === 0) throw new Error('no snippets were found')
console.log(`${count} snippets`)
