import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { startLoopbackServer } from '../loopback-server.ts'

/** A Security Event Token of the transmitter. */
export interface ReceivedSet {
  header: Record<string, unknown>
  claims: Record<string, unknown>
  /** The status of the answer. Undefined for poll. */
  status?: number
  /** Milliseconds of `Date.now()`. */
  at: number
}

/** Collects Security Event Tokens, and waits for them. */
export function createCollector() {
  const sets: ReceivedSet[] = []
  let wake = () => {}
  return {
    sets,
    add(jwt: string, status?: number): void {
      const header = decodeProtectedHeader(jwt) as Record<string, unknown>
      sets.push({
        header,
        claims: decodeJwt(jwt) as Record<string, unknown>,
        at: Date.now(),
        ...(status && { status }),
      })
      wake()
    },
    /** Waits for the first token that `fits` accepts. */
    async waitFor(what: string, fits: (set: ReceivedSet) => boolean, seconds = 60): Promise<ReceivedSet> {
      const deadline = Date.now() + seconds * 1000
      for (;;) {
        const found = sets.find(fits)
        if (found) return found
        if (Date.now() > deadline) throw new Error(`${what} did not arrive: ${JSON.stringify(sets)}`)
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 1000)
          wake = () => (clearTimeout(timer), resolve())
        })
      }
    },
  }
}

export type Collector = ReturnType<typeof createCollector>

/** Starts a server between the transmitter and the application. It records each push, and can answer 500 itself. */
export async function startGateway(collector: Collector) {
  let target = ''
  let failures = 0

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    if (failures > 0) {
      failures -= 1
      collector.add(body, 500)
      response.writeHead(500).end()
      return
    }
    const headers = { 'content-type': request.headers['content-type']!, authorization: request.headers.authorization! }
    const answer = await fetch(target, { method: request.method!, headers, body })
    response.writeHead(answer.status).end(await answer.text())
    collector.add(body, answer.status)
  }

  const { url: origin, stop } = await startLoopbackServer(handle)
  return {
    url: `${origin}/security-events`,
    forwardTo(url: string): void {
      target = url
    },
    /** Answers 500 to the next `count` pushes. */
    fail(count: number): void {
      failures = count
    },
    stop,
  }
}
