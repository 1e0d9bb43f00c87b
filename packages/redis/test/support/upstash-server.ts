import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { createClient } from 'redis'

const encode = (reply: unknown): unknown => {
  if (Array.isArray(reply)) return reply.map(encode)
  return typeof reply === 'string' && reply !== 'OK' ? Buffer.from(reply).toString('base64') : reply
}

/** Starts a server in front of Redis with a part of Upstash's REST API: single commands and pipelines. */
export async function startUpstash(redisUrl: string): Promise<{ url: string; close(): Promise<void> }> {
  const redis = await createClient({ url: redisUrl, RESP: 2 })
    .on('error', () => {})
    .connect()
  const run = async (
    command: readonly unknown[],
    isEncoded: boolean,
  ): Promise<{ result?: unknown; error?: string }> => {
    try {
      const reply = await redis.sendCommand(command.map(String))
      return { result: isEncoded ? encode(reply) : reply }
    } catch (error) {
      return { error: String(error) }
    }
  }
  const server = createServer(async (request, response) => {
    const isEncoded = request.headers['upstash-encoding'] === 'base64'
    const body = (await json(request)) as unknown[]
    const answer =
      request.url === '/pipeline'
        ? await Promise.all(body.map((command) => run(command as unknown[], isEncoded)))
        : await run(body, isEncoded)
    response.writeHead('error' in answer ? 400 : 200).end(JSON.stringify(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await redis.close()
    },
  }
}
