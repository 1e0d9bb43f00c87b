import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { nextSecond } from '../src/clock.ts'
import { createDevice } from '../src/device.ts'
import { type Stack, startStack } from '../src/stack.ts'
import { startTokenGate } from './token-gate.ts'

describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'])('%s', (example) => {
  let gate: Awaited<ReturnType<typeof startTokenGate>>
  let stack: Stack

  beforeAll(async () => {
    gate = await startTokenGate()
    stack = await startStack([{ example }], {
      front(providerUrl) {
        gate.leadTo(providerUrl)
        return gate.url
      },
    })
  })

  afterAll(async () => {
    await stack?.stop()
    await gate.stop()
  })

  it('a logout that arrives before the sign-in has finished still counts', async () => {
    const app = stack.apps[0]!
    const device = createDevice('laptop')
    const { issued, release } = gate.hold()

    const signingIn = device.browser.get(`${app.url}/login?login_hint=alice`)
    await issued
    const [delivery] = await stack.provider.endSessionsOf('alice')
    expect(delivery?.status).toBe(200)
    release()
    expect(await signingIn).toMatchObject({
      status: 400,
      body: expect.stringContaining('has ended the session already'),
    })

    expect((await device.me(app)).status).toBe(401)

    await nextSecond()
    await device.signIn(app, 'alice')
    expect((await device.me(app)).status).toBe(200)
  })
})
