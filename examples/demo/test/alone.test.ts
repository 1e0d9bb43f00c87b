import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

import { afterEach, describe, expect, it } from 'vitest'

import { startExample } from '../src/example-process.ts'
import { freePorts } from '../src/free-ports.ts'

const run = promisify(execFile)

describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs', 'provider'])('examples/%s', (example) => {
  const folder = fileURLToPath(new URL(`../../${example}/`, import.meta.url))
  const read = (file: string) => readFile(join(folder, file), 'utf8')
  let copy: string | undefined

  afterEach(async () => {
    if (copy !== undefined) await rm(copy, { recursive: true })
    copy = undefined
  })

  it('compiles and starts in the folder to which its README copies it', { timeout: 120_000 }, async () => {
    const readme = await read('README.md')
    const copied = /^cp -r (.*) my-\w+$/m.exec(readme)![1]!.split(' ')
    copy = await mkdtemp(join(tmpdir(), 'bcl-example-'))
    for (const path of copied) {
      const file = path.replace(`examples/${example}/`, '')
      await cp(join(folder, file), join(copy, file), { recursive: true })
    }
    await symlink(join(folder, 'node_modules'), join(copy, 'node_modules'))

    const tsc = join(folder, 'node_modules/typescript/bin/tsc')
    const compiled = await run(process.execPath, [tsc, '-p', copy]).catch((error: { stdout: string }) => error)
    expect(compiled.stdout).toBe('')

    // Next.js cannot build in a folder whose node_modules is a link.
    if (example === 'nextjs') return
    const [port] = (await freePorts(1)) as [number]
    const started = await startExample(
      example,
      port,
      { SESSION_SECRET: 'secret' },
      { folder: pathToFileURL(`${copy}/`), untilReady: false },
    )
    expect((await fetch(`${started.url}/`)).status).toBe(200)
    await started.stop()
  })

  it('has a README that installs all its dependencies', async () => {
    const { dependencies } = JSON.parse(await read('package.json')) as { dependencies: object }
    const commands = (await read('README.md')).replaceAll('\\\n', ' ')
    const installed = /^npm install ([^-].*)$/m.exec(commands)![1]!.split(/\s+/)
    // A pinned version can follow the name of a package.
    const names = installed.map((name) => name.replace(/(?<=.)@.*$/, ''))
    expect(names.toSorted()).toEqual(Object.keys(dependencies).toSorted())
  })
})
