// No framework, with logouts remembered by the Redis at REDIS_URL.
import assert from 'node:assert/strict'
import { createBackchannelLogout } from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { createTestIssuer } from '@bcl/testing'
import { createClient } from 'redis'

async function main(): Promise<void> {
  const redis = await createClient({ url: process.env.REDIS_URL ?? '' })
    .on('error', (error: unknown) => console.error(error))
    .connect()
  const op = await createTestIssuer()
  const session = op.session({ sub: 'alice', sid: 'session-1' })
  const logout = createBackchannelLogout({
    issuers: [op.trusted],
    // The written entries expire some minutes after this check.
    sessionMaxAge: 120,
    store: new RedisStore(redis, { prefix: `bcl-release-${process.pid}:` }),
  })

  assert.equal(await logout.isLoggedOut(session), false)
  const body = new URLSearchParams({ logout_token: await op.logoutToken({ sub: 'alice', sid: 'session-1' }) })
  const request = new Request('https://rp.example.com/backchannel-logout', { method: 'POST', body })
  assert.equal((await logout.handle(request)).status, 200)
  assert.equal(await logout.isLoggedOut(session), true)
  await logout.close()
  redis.destroy()
}

void main()
