/** A stream of bytes: a Web stream, a Node stream, or another async iterable. */
export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>

/** Reads text. Resolves to `undefined` and stops reading as soon as the text is longer than `limit` bytes. */
export const readText = (
  stream: ByteStream | Iterable<Uint8Array | string>,
  limit: number,
): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const read = async (): Promise<void> => {
      let body = new Uint8Array()
      let length = 0
      for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
        const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
        const start = length
        length += bytes.byteLength
        // Resolves first, and then cancels the stream. If the request was cloned, the cancellation waits for the clone.
        if (length > limit) return resolve(undefined)
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
