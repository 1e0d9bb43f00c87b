/** Bytes as they arrive: a Web stream, a Node stream, or anything iterable like them. */
export type ByteStream = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array | string>

/** Reads text, or gives `undefined` as soon as it is longer than `limit` bytes: the rest is never held. */
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
        // Said before the stream is left: the body of a request that was cloned is cancelled only when its twin is.
        if (length > limit) return resolve(undefined)
        text += decoder.decode(bytes, { stream: true })
      }
      resolve(text + decoder.decode())
    }
    read().catch(reject)
  })
