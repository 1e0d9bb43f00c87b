import { createTestIssuer } from '@bcl/testing'
import { asCost, compare, rateOf } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createReceiver } from '../measure/tokens.ts'

const KiB = 1024
const chunk = new TextEncoder().encode('a'.repeat(16 * KiB))

/** A request with a body in chunks of 16 KiB. Each chunk is made when it is read. */
function request(size: number, onChunk: () => void): Request {
  let left = size / chunk.length
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (left === 0) return controller.close()
        left -= 1
        onChunk()
        return controller.enqueue(chunk)
      },
    },
    { highWaterMark: 0 },
  )
  return new Request('https://rp.example/backchannel-logout', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
    duplex: 'half',
  } as RequestInit)
}

/** Compares a body far above the limit with a body just above the limit (RP-4). */
export async function measureLarge(scale: Scale): Promise<Pair[]> {
  const { bodies } = scale
  const logout = createReceiver(await createTestIssuer())
  const read = new Map<number, number>()
  const measure = (size: number) => () =>
    rateOf({
      count: bodies,
      prepare: () => undefined,
      run: async () => {
        for (let index = 0; index < bodies; index += 1) {
          let chunks = 0
          const { status } = await logout.handle(request(size, () => (chunks += 1)))
          if (status !== 413) throw new Error(`a body of ${size} bytes was answered ${status}`)
          read.set(size, Math.max(chunks * chunk.length, read.get(size) ?? 0))
        }
      },
    })
  const [huge, least] = [10 * KiB * KiB, 80 * KiB]
  const beside = await compare(scale, [measure(huge), measure(least)])
  const read80KiB = [huge, least].every((size) => read.get(size) === least)
  if (!read80KiB) throw new Error('more than 80 KiB of a body were read')
  return [asCost(beside('refused with 413', 0, 1))]
}
