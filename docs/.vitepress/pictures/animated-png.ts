import { crc32 } from 'node:zlib'

/** A PNG picture, and the milliseconds for which it is shown. */
export interface Frame {
  png: Buffer
  ms: number
  /** The position of the picture on the first picture. */
  x: number
  y: number
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

interface Chunk {
  type: string
  data: Buffer
}

function chunksOf(png: Buffer): Chunk[] {
  const chunks: Chunk[] = []
  for (let at = signature.length; at < png.length;) {
    const length = png.readUInt32BE(at)
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) })
    at += 12 + length
  }
  return chunks
}

function chunk(type: string, data: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(data.length)
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const tail = Buffer.alloc(4)
  tail.writeUInt32BE(crc32(body))
  return Buffer.concat([head, body, tail])
}

function numbers(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => buffer.writeUInt32BE(value, index * 4))
  return buffer
}

/** Makes an animated PNG that starts again after its last frame (https://www.w3.org/TR/png-3/#apng-frame-based-animation). */
export function animatedPng(frames: readonly Frame[]): Buffer {
  const first = chunksOf(frames[0]!.png).find(({ type }) => type === 'IHDR')!
  let sequence = 0
  const parts = frames.flatMap(({ png, ms, x, y }, index) => {
    const chunks = chunksOf(png)
    const header = chunks.find(({ type }) => type === 'IHDR')!.data
    // All frames must have the bit depth, the color type and the other settings of the first frame.
    if (!header.subarray(8).equals(first.data.subarray(8))) throw new Error('a frame has another colour type')
    const delay = Buffer.alloc(6)
    delay.writeUInt16BE(ms, 0)
    delay.writeUInt16BE(1000, 2)
    const size = [header.readUInt32BE(0), header.readUInt32BE(4)] as const
    const control = Buffer.concat([numbers(sequence++, ...size, x, y), delay])
    const data = Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map((part) => part.data))
    const image = index === 0 ? chunk('IDAT', data) : chunk('fdAT', Buffer.concat([numbers(sequence++), data]))
    return [chunk('fcTL', control), image]
  })
  const animation = chunk('acTL', numbers(frames.length, 0))
  return Buffer.concat([signature, chunk('IHDR', first.data), animation, ...parts, chunk('IEND', Buffer.alloc(0))])
}
