/** A stream of bytes: a Web stream, a Node stream, or another async iterable. */
export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>

/** Reads text. Resolves to `undefined` and stops reading as soon as the text is longer than `limit` bytes. */
export const readText = (
  stream: ByteStream | Iterable<Uint8Array | string>,
  limit: number,
): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const read = async (): Promise<void> => {
      const decoder = new TextDecoder()
      let text = ''
      let length = 0
      for await (const chunk of stream as AsyncIterable<Uint8Array | string>) {
        const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
        length += bytes.byteLength
        // Resolves first, and then cancels the stream. If the request was cloned, the cancellation waits for the clone.
        if (length > limit) return resolve(undefined)
        text += decoder.decode(bytes, { stream: true })
      }
      resolve(text + decoder.decode())
    }
    read().catch(reject)
  })
