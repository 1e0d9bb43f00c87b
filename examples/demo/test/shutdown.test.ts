import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

import { describe, expect, it } from 'vitest'

import { startExample } from '../src/example-process.ts'
import { freePorts } from '../src/free-ports.ts'

describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'])(
  '%s shuts down',
  { timeout: 60_000 },
  (example) => {
    it('RP-39a: only after it has answered a request whose body is still arriving', async () => {
      const [port] = (await freePorts(1)) as [number]
      const { url, stop } = await startExample(example, port, { SESSION_SECRET: 'secret' }, { untilReady: false })
      const posted = request(`${url}/backchannel-logout`, { method: 'POST', agent: false })
      posted.setHeader('content-type', 'application/x-www-form-urlencoded')
      posted.setHeader('expect', '100-continue')
      posted.flushHeaders()
      await once(posted, 'continue') // the example has begun to handle the request
      posted.write('logout_token=')

      const stopped = stop()
      await delay(1000) // a slow body: nothing may happen in this time
      posted.end('a')
      const [response] = (await once(posted, 'response')) as [IncomingMessage]
      expect(response.statusCode).toBe(400)
      response.resume()
      await stopped
    })
  },
)
