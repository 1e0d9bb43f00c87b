import { afterAll, beforeAll, expect, it } from 'vitest'

import { createDevice } from '../../demo/src/device.ts'
import { type Stack, type StackApp, startStack } from '../../demo/src/stack.ts'

let stack: Stack
let app: StackApp

beforeAll(async () => {
  stack = await startStack([{ example: 'nextjs' }])
  app = stack.apps[0]!
})

afterAll(() => stack?.stop())

async function signedIn(user: string) {
  const { browser, signIn } = createDevice('laptop')
  await signIn(app, user)
  return { open: () => browser.fetch(`${app.url}/events`) }
}

it('refuses the sixth stream of a session with 429, and frees the places when pages are closed', async () => {
  const [alice, bob] = [await signedIn('alice'), await signedIn('bob')]
  const streams = []
  for (let count = 0; count < 5; count += 1) streams.push(await alice.open())
  expect(streams.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
  expect((await alice.open()).status).toBe(429)

  const other = await bob.open()
  expect(other.status).toBe(200)
  await other.body!.cancel()

  await streams.pop()!.body!.cancel()
  await expect.poll(async () => (await alice.open()).status, { timeout: 10_000 }).toBe(200)
  expect((await alice.open()).status).toBe(429)
  for (const { body } of streams) await body!.cancel()
})
