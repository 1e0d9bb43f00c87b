import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

const run = promisify(execFile)

describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'])('%s refuses to start', (example) => {
  const folder = new URL(`../../${example}/`, import.meta.url)

  async function start(env: Record<string, string>) {
    const { scripts } = JSON.parse(await readFile(new URL('package.json', folder), 'utf8'))
    const [, ...args] = scripts.start.split(' ')
    return run(process.execPath, args, { cwd: folder, env, timeout: 20_000 }).catch((error: object) => error)
  }

  it.each([
    ['SESSION_SECRET', ''],
    ['ISSUER_OPTIONS', '{"requireSid":"yes"}'],
  ])('with %s=%j, and says so in one line', async (name, value) => {
    const ended = await start({ SESSION_SECRET: 'secret', [name]: value })
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(`^${name} must .+\n$`) })
  })
})
