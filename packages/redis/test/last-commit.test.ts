import * as core from '@bcl/core'
import { RedisStore } from '@bcl/redis'
import { describeWithLastCommit, expectToShare, lastCommit } from '@bcl-checks/test-support/last-commit'
import { createClient } from 'redis'
import { test } from 'vitest'
import { describeRedis, redisUrl } from './support/services.js'

describeRedis('Redis', () => {
  describeWithLastCommit('shared with the last commit', () => {
    test('instances of both versions know the logouts of each other', async ({ onTestFinished }) => {
      const last = await lastCommit()
      const prefix = `bcl-test-${crypto.randomUUID()}:`
      const redis = await createClient({ url: redisUrl }).connect()
      onTestFinished(async () => {
        for await (const found of redis.scanIterator({ MATCH: `${prefix}*`, COUNT: 1000 }))
          if (found.length > 0) await redis.del(found)
        redis.destroy()
        last.close()
      })
      const { RedisStore: LastStore } = await last.load<{ RedisStore: typeof RedisStore }>('redis')
      await expectToShare([
        { core, store: new RedisStore(redis, { prefix }) },
        { core: last.core, store: new LastStore(redis, { prefix }) },
      ])
    })
  })
})
