import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { expect, it } from 'vitest'

const demo = fileURLToPath(new URL('../src/demo.ts', import.meta.url))

it('the demo ends without an error', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [demo])
  expect(stdout).toContain('Each session was signed in or signed out, as expected.')
  expect(stdout).not.toContain('\u001B')
})

it('with --all, the demo starts every example', { timeout: 120_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [demo, '--all'])
  expect(stdout).toContain('Each session was signed in or signed out, as expected.')
  for (const example of ['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs']) {
    expect(stdout).toContain(`/me  ${example}, phone`)
  }
})

it('with --serve, all processes keep running until Ctrl-C', { timeout: 120_000 }, async () => {
  const child = spawn(process.execPath, [demo, '--serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  try {
    let printed = ''
    const addresses = () => [...printed.matchAll(/(?:sign in, \w+|end sessions) +(http:\S+)\n/g)].map(([, url]) => url!)
    for await (const chunk of child.stdout.setEncoding('utf8')) {
      printed += chunk
      if (printed.includes('Open http:')) break
    }
    const pages = await Promise.all(addresses().map(async (url) => (await fetch(url)).status))
    expect(pages).toEqual([200, 200, 200, 200])
    const [demoUrl = ''] = /(?<=Open )\S+/.exec(printed) ?? []
    const demoPage = await (await fetch(demoUrl)).text()
    for (const url of addresses()) expect(demoPage).toContain(`src="${url.replace(/(:\d+)$/, '$1/')}"`)
    expect(await (await fetch(addresses()[3]!)).text()).toContain(`<a href="${demoUrl}">Demo</a>`)

    child.kill('SIGINT')

    expect(await exited).toEqual([0, null])
    for (const url of addresses()) await expect(fetch(url)).rejects.toThrow()
  } finally {
    child.kill('SIGTERM')
  }
})

it('after an error, the demo prints one sentence and exits with 1', async () => {
  const failing = promisify(execFile)(process.execPath, [demo, '--nonsense'])
  await expect(failing).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^\n.*--nonsense.*\n$/),
  })
})
