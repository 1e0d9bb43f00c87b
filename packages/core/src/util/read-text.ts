import { pause } from './timers.js'

/** A stream of bytes: a Web stream, a Node stream, or another async iterable. */
export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>

/**
 * Reads text. Resolves to `undefined` as soon as the text is longer than `limit` bytes, and then cancels the stream.
 *
 * @param drains If it is true, reads the rest of the stream and discards it, and does not cancel the stream.
 */
export const readText = (
  stream: ByteStream | Iterable<Uint8Array | string>,
  limit: number,
  drains?: boolean,
): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const read = async (): Promise<void> => {
      let body = new Uint8Array()
      let length = 0
      for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
        const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
        const start = length
        length += bytes.byteLength
        if (length > limit) {
          resolve(undefined)
          if (!drains) return
          // A stream that decompresses a body can be a thousand times as long as the request. So other work runs in between.
          await pause(0)
          continue
        }
        // Copies the bytes, because a text of many small pieces takes much more memory than their bytes.
        if (length > body.byteLength) {
          const larger = new Uint8Array(Math.min(2 * length, limit))
          larger.set(body)
          body = larger
        }
        body.set(bytes, start)
      }
      resolve(new TextDecoder().decode(body.subarray(0, length)))
    }
    read().catch(reject)
  })
