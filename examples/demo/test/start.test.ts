import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

const run = promisify(execFile)

describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'])('%s refuses to start', (example) => {
  const folder = new URL(`../../${example}/`, import.meta.url)

  async function start(env: Record<string, string>, signal: AbortSignal) {
    const { scripts } = JSON.parse(await readFile(new URL('package.json', folder), 'utf8'))
    const [, ...args] = scripts.start.split(' ')
    return run(process.execPath, args, { cwd: folder, env, signal }).catch((error: object) => error)
  }

  // The time-out is long, because Node.js needs many seconds to load Next.js on a busy machine. If the example starts,
  // the signal ends it.
  it.for([
    ['SESSION_SECRET', ''],
    ['ISSUER_OPTIONS', '{"requireSid":"yes"}'],
  ] as const)('with %s=%j, and says so in one line', { timeout: 120_000 }, async ([name, value], { signal }) => {
    const ended = await start({ SESSION_SECRET: 'secret', [name]: value }, signal)
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(`^${name} must .+\n$`) })
  })
})
