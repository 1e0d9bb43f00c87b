import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { createDevice } from '../src/device.ts'
import { type Stack, startStack } from '../src/stack.ts'

let stack: Stack

beforeAll(async () => {
  stack = await startStack([
    { example: 'hono', securityEvents: true },
    { example: 'express', securityEvents: true },
    { example: 'koa' },
  ])
})

afterAll(() => stack?.stop())

it('"account disabled" ends all sessions of the user at applications with security events, and lists the other applications', async () => {
  const [laptop, phone, other] = [createDevice('laptop'), createDevice('phone'), createDevice('other')]
  for (const app of stack.apps) {
    for (const device of [laptop, phone]) await device.signIn(app, 'alice')
    await other.signIn(app, 'bob')
  }
  const { browser } = createDevice('administrator')
  const statuses = (device: typeof laptop) => Promise.all(stack.apps.map(async (app) => (await device.me(app)).status))

  const before = await browser.get(`${stack.provider.url}/sessions`)
  expect(before.body).toContain('action="/users/alice/account-disabled"')
  expect(before.body).toContain('koa takes no security events')
  const after = await browser.post(`${stack.provider.url}/users/alice/account-disabled`)

  expect(await statuses(laptop)).toEqual([401, 401, 200])
  expect(await statuses(phone)).toEqual([401, 401, 200])
  expect(await statuses(other)).toEqual([200, 200, 200])
  expect(after.body).toContain('The provider reported the account of Alice Adams as disabled')
  expect(after.body).toContain('express and hono accepted')
  expect(after.body).toContain('koa took no part')
  expect(after.body).toContain('risc/event-type/account-disabled')
  expect(after.body).toContain('ends all sessions of Alice Adams')
})

it.each(['hono', 'express'])('an incomplete set of SSF_ variables stops the start of %s', async (example) => {
  const env = { SESSION_SECRET: 'secret', SSF_ISSUER: 'http://127.0.0.1:3000/ssf', SSF_AUDIENCE: example }
  const cwd = new URL(`../../${example}/`, import.meta.url)
  await expect(promisify(execFile)(process.execPath, ['src/main.ts'], { cwd, env })).rejects.toMatchObject({
    code: 1,
    stderr: 'SSF_AUTHORIZATION must be set too: security events need SSF_ISSUER, SSF_AUDIENCE, SSF_AUTHORIZATION\n',
  })
})
