import type { BodyReader } from '@bcl/core'
import type { Readable } from 'node:stream'

const decoder = new TextDecoder()

/**
 * Returns a function that reads a Node stream as text. Pass the function to `respond` as the body. The function uses
 * the stream's events, because events are faster than the stream's iterator.
 *
 * The function keeps at most `limit` bytes. It reads and discards the rest, because unread data blocks the connection.
 *
 * @throws {Error} The returned function rejects if the stream fails, is closed early, or has already been read.
 */
export const readBody =
  (stream: Readable): BodyReader =>
  (limit) =>
    new Promise((resolve, reject) => {
      const chunks: Uint8Array[] = []
      let length = 0
      const onData = (chunk: Uint8Array | string): void => {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
        length += bytes.length
        if (length <= limit) chunks.push(bytes)
        else resolve(undefined)
      }
      const onClose = (): void => {
        // A stream also emits `close` after a complete body.
        if (!stream.readableEnded) reject(new Error('the request was closed before the whole body arrived'))
      }
      if (stream.destroyed || stream.readableEnded) return reject(new Error('the body was read before'))
      // The listeners are not removed. Without an `error` listener, Node would throw a later error of the stream. After
      // the promise has settled, the listeners do nothing.
      stream.on('data', onData)
      stream.on('end', () => resolve(decoder.decode(Buffer.concat(chunks))))
      stream.on('error', reject)
      stream.on('close', onClose)
      stream.resume() // if a parser has paused the stream, a listener alone does not start it again
    })
