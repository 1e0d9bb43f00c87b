// Checks the commands in the pages and in the READMEs. A mistake in a command stops a new user at once.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'

const root = resolve(import.meta.dirname, '../..')
const exclude = ['**/node_modules/**', '**/CHANGELOG.md', 'docs/api/**', 'docs/.vitepress/**', 'docs/snippets/**']
const pages = globSync(['*.md', 'docs/**/*.md', '{packages,examples}/*/*.md'], { cwd: root, exclude }).map((file) => ({
  file,
  blocks: codeBlocks(readFileSync(join(root, file), 'utf8')),
}))

interface Manifest {
  packageManager?: string
  scripts?: Record<string, string>
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}
const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))

/** The commands of a page, without comments. Each command is one line. */
const commandsOf = ({ blocks }: (typeof pages)[number]): string[] =>
  blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.replaceAll(/\s*\\\n\s*/g, ' ').split(/\n| && /))
    .map((line) => line.replace(/(?:^|\s+)#.*/, '').trim())
    .filter(Boolean)

const helps = new Map<string, string>()
/** Returns the help of a command of `bcl`. */
function helpOf(command: string): string {
  const main = join(root, 'packages/cli/dist/main.js')
  const help = helps.get(command) ?? execFileSync(process.execPath, [main, command, '--help'], { encoding: 'utf8' })
  helps.set(command, help)
  return help
}

/** Checks a command of `bcl`: its name, and its options. */
function checkBcl(command: string): void {
  const [name = '', ...rest] = command.split(/\s+/)
  const help = helpOf(name.startsWith('-') ? 'help' : name)
  if (!name.startsWith('-')) assert.match(help, new RegExp(`^Usage: bcl ${name}\\b`))
  for (const option of rest.filter((word) => word.startsWith('--')))
    assert.ok(help.includes(`${option} `) || help.includes(`${option}\n`), `${name} has no ${option}`)
}

const hasScript = (folder: string, name: string | undefined): boolean =>
  Object.keys(manifestOf(folder).scripts!).includes(name!)

/** Checks a command of the repository: the script, the check, and each file. */
function checkRepository(command: string): void {
  const [name, ...rest] = command.split(/\s+/)
  for (const path of rest.filter((word) => /^(?:\.\/)?(?:packages|examples|docs|checks)\//.test(word)))
    assert.ok(existsSync(join(root, path)), `${path} does not exist`)
  if (name === 'check' && rest.length > 0) assert.ok(hasScript('checks', rest[0]), command)
  else if (name === '--filter') assert.ok(hasScript(rest[0]!, rest[1]), command)
  else assert.ok(['install', 'exec', 'changeset'].includes(name!) || hasScript('.', name), command)
}

/** Other tests run these commands: those of the examples, the guides, the site, the runtimes and the rehearsed release. */
const checkedElsewhere =
  /^(?:mkdir|cd|cp|npm (?:init|pkg|install|run build|run preview|start)|bun add|bun app\.ts|deno add|deno serve|node --env-file=\.env (?:dist\/)?app\.\w+|npx tsc|npx -y (?:create-next-app|sv)|node -e) ?|^\w+=\S*$|^ISSUER_OPTIONS=/
/** No test runs these commands, because they need an account, a cluster or the internet. */
const needElsewhere =
  /^(?:kubectl create|npx wrangler|cloudflared tunnel|npm login|npm trust|npm access|node checks\/release)/

for (const page of pages) {
  test(`the commands of ${page.file} exist`, () => {
    for (const command of commandsOf(page)) {
      const [, bcl] = /^npx (?:@bcl\/cli|bcl) (.*)$/.exec(command) ?? []
      const [, version, pnpm] = /^(?:\w+=\S+ )?npx -y pnpm@([\d.]+) (.*)$/.exec(command) ?? []
      if (bcl !== undefined) checkBcl(bcl)
      else if (pnpm !== undefined) {
        assert.equal(`pnpm@${version}`, manifestOf('.').packageManager)
        checkRepository(pnpm)
      } else if (command.startsWith('bash ')) assert.ok(existsSync(join(root, command.slice(5))), command)
      else assert.ok(checkedElsewhere.test(command) || needElsewhere.test(command), `nothing checks this: ${command}`)
    }
  })
}

/** Expands `bcl-{core,node}-*.tgz`. */
const packagesIn = (command: string): string[] =>
  command
    .split(/\s+/)
    .flatMap((word) => {
      const [, list] = /\/bcl-\{(.+)\}-\*\.tgz$/.exec(word) ?? []
      return list === undefined ? [word] : list.split(',').map((name) => `@bcl/${name}`)
    })
    .map((word) => word.replace(/^npm:/, '').replace(/(?<=.)@[\d^~].*$/, ''))
    .filter((word) => /^(?:@[\w-]+\/)?[\w.-]+$/.test(word) && !word.startsWith('-'))

const nameOf = (specifier: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)![0]
/** The packages that `create-next-app` and `sv create` install. */
const scaffolded = /^(?:next|react|svelte|vite|@sveltejs\/[\w-]+|\$\w+)$/

const install = /^(?:npm install|bun add|deno add) (?:--(?:save-)?dev )?(.*)$/

for (const page of pages.filter(({ file }) => /^docs\/(?:start|guides)\//.test(file))) {
  const commands = commandsOf(page).flatMap((command) => install.exec(command)?.slice(1) ?? [])
  if (commands.length === 0) continue
  const fromFiles = commands.filter((command) => command.includes('.tgz'))
  const byName = new Set(commands.filter((command) => !command.includes('.tgz')).flatMap(packagesIn))

  test(`${page.file} installs each package that its code imports`, () => {
    const imported = page.blocks
      .filter(({ language }) => /^(?:tsx?|svelte)$/.test(language))
      // The types of Express are in `@types/express`.
      .map(({ code }) => code.replaceAll(/(^import type .* from )'(?=express|koa)/gm, "$1'@types/"))
      .flatMap((code) => [...code.matchAll(/(?:from|^import|import\() ?'([^'.#][^']*)'/gm)])
      .map(([, specifier]) => nameOf(specifier!))
      .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name) && !scaffolded.test(name))
    assert.deepEqual(
      [...new Set(imported)].filter((name) => !byName.has(name)),
      [],
    )
  })

  if (fromFiles.length === 0 && !page.file.startsWith('docs/start/')) continue
  test(`${page.file} installs the same packages from files, and the packages that these need`, () => {
    const installed = new Set(fromFiles.flatMap(packagesIn))
    const needed = [...installed]
      .filter((name) => name.startsWith('@bcl/'))
      .flatMap((name) => {
        const { dependencies, peerDependencies } = manifestOf(join('packages', name.slice('@bcl/'.length)))
        return Object.keys({ ...dependencies, ...peerDependencies }).filter((other) => other.startsWith('@bcl/'))
      })
    assert.deepEqual(
      needed.filter((name) => !installed.has(name)),
      [],
    )
    const [first] = commands.filter((command) => !command.includes('.tgz')).map(packagesIn)
    assert.deepEqual(
      first!.filter((name) => !installed.has(name)),
      [],
    )
  })
}

test('each .env file has the settings that the application reads, but no secret that everybody can read', () => {
  let count = 0
  for (const { file, blocks } of pages) {
    const env = blocks.find(({ language, code }) => language === 'sh' && code.startsWith('ISSUER='))
    if (env === undefined) continue
    const code = blocks.map((block) => block.code).join('\n')
    const read = [...code.matchAll(/\bsetting\('(\w+)'\)/g)].map(([, name]) => name!)
    // The application does not start with an empty secret. So a reader who copies the block must make a secret.
    const ownSecret = 'SESSION_SECRET'
    assert.match(env.code, new RegExp(`^${ownSecret}=$`, 'm'), file)
    assert.match(readFileSync(join(root, file), 'utf8'), /after `SESSION_SECRET=`,[^`]+`openssl rand -base64 32`/i)
    for (const name of read) if (name !== ownSecret) assert.match(env.code, new RegExp(`^${name}=.`, 'm'), file)
    count += read.length
  }
  assert.ok(count > 30, `${count} settings`)
})

test('the pages say how many MUST cases `bcl conformance` runs', () => {
  const [, count] = / (\d+) of \1 /.exec(readFileSync(join(root, 'docs/conformance.md'), 'utf8')) ?? []
  const start = pages.filter(({ file }) => file.startsWith('docs/start/'))
  for (const { file } of start)
    assert.ok(readFileSync(join(root, file), 'utf8').includes(`\`The endpoint passed all ${count} MUST cases.\``), file)
})
