import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'

const run = promisify(execFile)
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const made: string[] = []
afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true }))))

/** Makes a folder with the built package and the Nest packages of `nestModules`. */
async function install(nestModules: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bcl-nestjs-'))
  made.push(folder)
  const modules = join(folder, 'node_modules')
  await Promise.all(['@bcl/nestjs', '@types'].map((name) => mkdir(join(modules, name), { recursive: true })))
  await cp(here('../dist'), join(modules, '@bcl/nestjs/dist'), { recursive: true })
  await cp(here('../package.json'), join(modules, '@bcl/nestjs/package.json'))
  await symlink(here('../../core'), join(modules, '@bcl/core'))
  await symlink(here('../../node'), join(modules, '@bcl/node'))
  await symlink(here('../../testing'), join(modules, '@bcl/testing'))
  await symlink(here('../node_modules/@types/node'), join(modules, '@types/node'))
  for (const name of ['@nestjs', 'reflect-metadata', 'rxjs'])
    await symlink(join(nestModules, name), join(modules, name))
  await cp(here('./commonjs/app.cts'), join(folder, 'app.cts'))
  const compilerOptions = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    types: ['node'],
  }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.cts'] }))
  return folder
}

test.each([
  ['12', here('../node_modules')],
  ['11', dirname(await realpath(here('../node_modules/nest11')))],
])(
  'a CommonJS application on Nest %s compiles and runs with the built package',
  { timeout: 120_000 },
  async (_, nestModules) => {
    const folder = await install(nestModules)
    const compiled = await run(process.execPath, [here('../node_modules/typescript/bin/tsc'), '-p', folder]).catch(
      (error: { stdout: string }) => error,
    )
    expect(compiled.stdout).toBe('')
    const { stdout } = await run(process.execPath, [join(folder, 'app.cjs')])
    expect(JSON.parse(stdout)).toEqual([
      [200, 200, 401, 1],
      [200, 200, 401, 1],
    ])
  },
)
