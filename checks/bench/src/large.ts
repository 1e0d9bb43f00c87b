import { createTestIssuer } from '@bcl/testing'
import { compare, rateOf } from './measure.ts'
import type { Scale } from './scale.ts'
import { compared, type Section } from './table.ts'
import { createReceiver } from './tokens.ts'

const KiB = 1024
const chunk = new TextEncoder().encode('a'.repeat(16 * KiB))

/** A request whose body comes in chunks of 16 KiB, as it is asked for. */
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

/** What a body costs that is far too large (RP-4). */
export async function measureLarge({ rounds, bodies }: Scale): Promise<Section> {
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
  const { beside } = await compare(rounds, [measure(huge), measure(least)])
  return {
    title: 'Bodies that are too large',
    note: `\`handle\` of a body that comes in chunks of 16 KiB: of 10 MiB, and of 80 KiB, the least in such chunks that is over the limit of 64 KiB. Of the first ${read.get(huge)! / KiB} KiB were read, of the second ${read.get(least)! / KiB} KiB.`,
    columns: ['10 MiB', '80 KiB'],
    rows: [compared('refused with 413', beside(0, 1), 'about 1.00')],
  }
}
