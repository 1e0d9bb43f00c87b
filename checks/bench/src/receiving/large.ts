import { createTestIssuer } from '@bcl/testing'
import { asCost, compare, rateOf } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createReceiver } from '../measure/tokens.ts'

const KiB = 1024
const chunk = new TextEncoder().encode('a'.repeat(16 * KiB))

/** A request with a body in chunks of 16 KiB. Each chunk is made when it is read. `whole` resolves when the body has been read. */
function large(size: number): { request: Request; whole: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  let left = size / chunk.length
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (left > 0) {
          left -= 1
          return controller.enqueue(chunk)
        }
        controller.close()
        return resolve()
      },
    },
    { highWaterMark: 0 },
  )
  const request = new Request('https://rp.example/backchannel-logout', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
    duplex: 'half',
  } as RequestInit)
  return { request, whole: promise }
}

/** Compares a body far above the limit with a body just above the limit (RP-4). The rest of each body is discarded (RP-4c). */
export async function measureLarge(scale: Scale): Promise<Pair[]> {
  const { bodies } = scale
  const logout = createReceiver(await createTestIssuer())
  const measure = (size: number) => () =>
    rateOf({
      count: bodies,
      prepare: () => undefined,
      run: async () => {
        for (let index = 0; index < bodies; index += 1) {
          const { request, whole } = large(size)
          const { status } = await logout.handle(request)
          if (status !== 413) throw new Error(`a body of ${size} bytes was answered ${status}`)
          await whole
        }
      },
    })
  const beside = await compare(scale, [measure(10 * KiB * KiB), measure(80 * KiB)])
  return [asCost(beside('refused with 413', 0, 1))]
}
