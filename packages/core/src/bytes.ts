import { tell } from './time.js'

/** Bytes as they arrive: a Web stream, a Node stream, or anything iterable like them. */
export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>

/** Reads text, or gives `undefined` as soon as it is longer than `limit` bytes: the rest is never held. */
export async function readText(
  stream: ByteStream | Iterable<Uint8Array | string>,
  limit: number,
): Promise<string | undefined> {
  const decoder = new TextDecoder()
  let text = ''
  let length = 0
  const chunks = Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : stream[Symbol.iterator]()
  for (;;) {
    const { done, value } = await chunks.next()
    if (done) return text + decoder.decode()
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
    length += bytes.byteLength
    if (length > limit) {
      // Not awaited: the body of a request that was cloned is cancelled only when its twin is.
      tell(() => chunks.return?.(), [])
      return undefined
    }
    text += decoder.decode(bytes, { stream: true })
  }
}
