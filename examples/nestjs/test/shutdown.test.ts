import { expect, it } from 'vitest'

import { createApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createStores } from '../src/store.ts'

it('RP-39a: closes the stores after the application has ended', async () => {
  let closed = 0
  const stores = { ...(await createStores(undefined)), close: async () => void (closed += 1) }
  const app = await createApp(readConfig({ SESSION_SECRET: 'secret' }), stores)
  await app.init()
  expect(closed).toBe(0)
  await app.close()
  expect(closed).toBe(1)
})
