import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const sources = join(import.meta.dirname, '../src')

/** The folders from the innermost ring to the outermost. A file imports its own folder and folders before it. */
const rings = ['util', 'errors.ts', 'store', 'keys', 'issuers', 'token', 'sessions', 'receive', 'http']
/** The files that put the rings together. Only these files may import every ring. */
const outermost = ['backchannel-logout.ts', 'create-backchannel-logout.ts', 'internals.ts', 'index.ts', 'kit.ts']

const ringOf = (path: string): string => path.split('/')[0]!

const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))

test('each file belongs to one ring', () => {
  expect(new Set(files.map(ringOf))).toEqual(new Set([...rings, ...outermost]))
})

test.each(files.filter((path) => !outermost.includes(path)))('%s imports only inner rings', (path) => {
  const imports = readFileSync(join(sources, path), 'utf8').matchAll(/from '(\.[^']+)\.js'/g)
  const imported = [...imports].map(([, to]) => relative(sources, join(sources, dirname(path), `${to}.ts`)))
  const place = rings.indexOf(ringOf(path))
  expect(imported.filter((to) => rings.indexOf(ringOf(to)) > place || outermost.includes(to))).toEqual([])
})
