import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Pool, type Dispatcher } from 'undici'
import type { Trust } from './http-applications.ts'
import { atOnce, type Speed } from './measure.ts'

export const connections = 16

/** A server in another process, under load from this one. */
export interface HttpServer {
  /** Sends all of the requests, 16 at a time; each must be answered with success. Processor time is the server's alone. */
  measure(requests: readonly Dispatcher.RequestOptions[]): Promise<Speed>
  end(): Promise<void>
}

export async function startServer(name: string, trust: Trust): Promise<HttpServer> {
  const child = fork(new URL('http-child.ts', import.meta.url), [name, JSON.stringify(trust)])
  const answer = async (): Promise<unknown> => (await once(child, 'message'))[0]
  const used = async (): Promise<number> => {
    child.send('used')
    const { user, system } = (await answer()) as NodeJS.CpuUsage
    return user + system
  }
  const pool = new Pool(`http://127.0.0.1:${await answer()}`, { connections, pipelining: 1 })
  return {
    async measure(requests) {
      const usedBefore = await used()
      const startedAt = performance.now()
      await atOnce(connections, requests, async (request) => {
        const { statusCode, body } = await pool.request(request)
        await body.dump()
        if (statusCode !== 200 && statusCode !== 204) throw new Error(`${name} answered ${statusCode}`)
      })
      const elapsed = performance.now() - startedAt
      const count = requests.length
      return { rate: (count * 1000) / elapsed, cpuRate: (count * 1_000_000) / ((await used()) - usedBefore) }
    },
    async end() {
      await pool.destroy()
      child.kill()
    },
  }
}
