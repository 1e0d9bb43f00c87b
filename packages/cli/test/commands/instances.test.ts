import { request as sendRequest } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { ConformanceResult } from '@bcl/testing'
import { describeUnless, isReachable } from '@bcl-checks/test-support/services'
import { expect, onTestFinished, test } from 'vitest'
import { bcl } from '../bcl.ts'
import { serve } from '../serve.ts'
import { freePorts, startApplication } from '../start-application.ts'

const redisUrl = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'

/** The cases of these groups depend on what another instance has stored. One instance alone refuses a wrong token or a wrong request. */
const groups = ['oidf', 'accept', 'answer', 'session']

const missing = (await isReachable(redisUrl, 6379)) ? undefined : 'Redis does not answer'

/** Starts a load balancer that sends each request to the next target. */
async function balance(targets: string[]): Promise<string> {
  let count = 0
  return serve((incoming, outgoing) => {
    const { method, headers, url = '/' } = incoming
    const target = targets[count++ % targets.length]!
    const forwarded = sendRequest(new URL(url, target), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.rawHeaders)
      pipeline(answer, outgoing).catch(() => {})
    })
    // The application may answer and close before the whole body has arrived.
    forwarded.on('error', () => outgoing.destroy())
    pipeline(incoming, forwarded).catch(() => {})
  })
}

describeUnless(missing, 'two instances with one Redis behind a load balancer', () => {
  test.each(['express', 'fastify', 'nextjs'])(
    'examples/%s passes the cases with valid tokens',
    { timeout: 480_000 },
    async (example) => {
      const targets: string[] = []
      const base = await balance(targets)
      const [providerPort] = (await freePorts(1)) as [number]
      const options = { issuer: `http://127.0.0.1:${providerPort}`, env: { REDIS_URL: redisUrl, BASE_URL: base } }
      const instances = await Promise.all([1, 2].map(() => startApplication(`examples/${example}`, options)))
      onTestFinished(async () => void (await Promise.all(instances.map(({ stop }) => stop()))))
      targets.push(...instances.map(({ origin }) => origin))

      const { code, out } = await bcl([
        'conformance',
        `${base}/backchannel-logout`,
        '--port',
        String(providerPort),
        '--json',
        '--only',
        groups.join(),
      ])
      const { results } = JSON.parse(out) as { results: ConformanceResult[] }
      expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
      expect(new Set(results.map(({ group }) => group))).toEqual(new Set(groups))
      expect(code).toBe(0)
    },
  )
})
