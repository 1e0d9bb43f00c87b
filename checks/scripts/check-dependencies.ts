// Checks the dependencies of each package. The table below lists the allowed dependencies. The manifests and the imports of the
// built files, including their types, must match the table. Core needs only jose. A store needs only core. An
// adapter needs core, `@bcl/node` and its framework.
import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'

interface Needs {
  dependencies: readonly string[]
  peers: readonly string[]
  /**
   * The imported packages. Modules of Node.js are not in this list. A package can also need a peer that it does not
   * import.
   */
  imports: readonly string[]
  /** Set if the package may import modules of Node.js. A package without this member runs on any runtime. */
  node?: 'all' | 'types only'
}

const needs: Record<string, Needs> = {
  core: { dependencies: ['jose'], peers: [], imports: ['jose'] },
  testing: { dependencies: ['jose'], peers: ['@bcl/core'], imports: ['@bcl/core', 'jose'], node: 'all' },
  hono: { dependencies: ['@bcl/node'], peers: ['@bcl/core', 'hono'], imports: ['@bcl/core', '@bcl/node', 'hono'] },
  node: { dependencies: [], peers: ['@bcl/core'], imports: ['@bcl/core'], node: 'types only' },
  koa: {
    dependencies: ['@bcl/node'],
    peers: ['@bcl/core', '@types/koa', 'koa'],
    imports: ['@bcl/core', '@bcl/node', 'koa'],
  },
  express: {
    dependencies: ['@bcl/node'],
    peers: ['@bcl/core', '@types/express', 'express'],
    imports: ['@bcl/core', '@bcl/node', 'express'],
  },
  fastify: {
    dependencies: ['@bcl/node'],
    peers: ['@bcl/core', 'fastify'],
    imports: ['@bcl/core', '@bcl/node', 'fastify'],
  },
  nestjs: {
    dependencies: ['@bcl/node'],
    peers: ['@bcl/core', '@nestjs/common', '@nestjs/core'],
    imports: ['@bcl/core', '@bcl/node', '@nestjs/common', '@nestjs/core'],
    node: 'types only',
  },
  redis: { dependencies: [], peers: ['@bcl/core'], imports: ['@bcl/core'] },
  sql: { dependencies: [], peers: ['@bcl/core'], imports: ['@bcl/core'] },
  ssf: {
    dependencies: ['oauth4webapi'],
    peers: ['@bcl/core'],
    imports: ['@bcl/core', 'oauth4webapi'],
  },
  cli: {
    dependencies: ['@bcl/core', '@bcl/ssf', '@bcl/testing', '@peculiar/x509', 'commander', 'jose', 'reflect-metadata'],
    peers: [],
    imports: ['@bcl/core', '@bcl/ssf', '@bcl/testing', '@peculiar/x509', 'commander', 'jose', 'reflect-metadata'],
    node: 'all',
  },
}

const faults: string[] = []

function compare(what: string, found: Iterable<string>, meant: readonly string[]): void {
  const [has, should] = [new Set(found), new Set(meant)]
  for (const name of has.difference(should)) faults.push(`${what} ${name}, but this table does not allow it`)
  for (const name of should.difference(has))
    faults.push(`${what} ${name} only according to this table: correct the table`)
}

/** Returns the package of an import. For example, `@scope/name/path` belongs to `@scope/name`. */
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** Returns the import specifiers of a compiled file. Removes comments first, because examples in comments can contain imports. */
function importsOf(file: string): string[] {
  const code = readFileSync(file, 'utf8').replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const hidden = /\b(?:import|require)\s*\(\s*(?!['"])|\bcreateRequire\b|\bgetBuiltinModule\b/.exec(code)
  if (hidden) faults.push(`${file} has an import whose name is not a plain text: ${hidden[0]}`)
  const specifiers = code.matchAll(/\b(?:from|import|require)\s*\(?\s*['"](?<name>[^'"]+)['"]/g)
  return Array.from(specifiers, ({ groups }) => groups!['name']!).filter((name) => !name.startsWith('.'))
}

for (const folder of globSync('packages/*').map((path) => path.replace('packages/', ''))) {
  const meant = needs[folder]
  if (!meant) {
    faults.push(`packages/${folder} is missing in this table`)
    continue
  }
  const manifest = JSON.parse(readFileSync(`packages/${folder}/package.json`, 'utf8')) as Record<string, object>
  const declared = (kind: string): string[] => Object.keys(manifest[kind] ?? {})
  compare(`${folder} depends on`, declared('dependencies'), meant.dependencies)
  compare(`${folder} has the peer`, declared('peerDependencies'), meant.peers)
  compare(`${folder} has the optional dependency`, declared('optionalDependencies'), [])
  const found = new Set<string>()
  for (const file of globSync(`packages/${folder}/dist/**/*.{js,d.ts}`)) {
    const isAllowed = meant.node === 'all' || (meant.node === 'types only' && file.endsWith('.d.ts'))
    for (const specifier of importsOf(file)) {
      if (!isBuiltin(specifier)) found.add(packageOf(specifier))
      else if (!isAllowed) faults.push(`${file} imports ${specifier}`)
    }
  }
  compare(`${folder} imports`, found, meant.imports)
}

for (const fault of faults) console.error(fault)
console.log(faults.length === 0 ? 'every package has exactly the allowed dependencies' : `${faults.length} faults`)
if (faults.length > 0) process.exitCode = 1
