// Compiles the NestJS code of a page, because Node.js cannot strip decorators.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'

/** The compiler options of the NestJS page. */
const { compilerOptions } = JSON.parse(
  codeBlocks(readFileSync(join(import.meta.dirname, '../start/nestjs.md'), 'utf8')).find(
    ({ name }) => name === 'tsconfig.json',
  )!.code,
)

/** Compiles the files in the folder of a page. Returns the folder with the JavaScript files. */
export function compileNest(page: string, include: string[]): string {
  const folder = join(import.meta.dirname, `../snippets/${page}`)
  const config = { compilerOptions: { ...compilerOptions, rootDir: '.' }, include }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  execFileSync(join(import.meta.dirname, '../node_modules/.bin/tsc'), ['-p', folder], { stdio: 'inherit' })
  return join(folder, 'dist')
}
