/** A stream of bytes: a Web stream, a Node stream, or another async iterable. */
export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>

/** The largest number of bytes that are discarded, as a multiple of the limit. */
const mostDiscarded = 256

/**
 * Reads text. Resolves to `undefined` as soon as the text is longer than `limit` bytes, and then cancels the stream.
 *
 * @param drains If it is true, the stream is not cancelled. Its rest is read and discarded after the promise has resolved, up to
 *   256 times the limit. Then nothing reads the stream any more.
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
          // A stream that decompresses a body can be a thousand times as long as the request, and a clone of the request keeps all
          // bytes. So their number is limited. If the loop ended here, it would cancel the stream. In Node.js 24, this can end the
          // process if the stream decompresses.
          if (length > mostDiscarded * limit) await new Promise(() => {})
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
