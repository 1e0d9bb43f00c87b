import type { BodyReader } from '@bcl/core'
import type { Readable } from 'node:stream'

const decoder = new TextDecoder()

/**
 * Returns a function that reads a Node stream as text. Pass the function to `respond` as the body. If the text is longer than
 * `limit` bytes, the function resolves to `undefined` at once. It still reads and discards the rest, because unread data blocks
 * the connection.
 *
 * @throws {Error} The returned function rejects if the stream fails, is closed early, or has already been read.
 */
export const readBody =
  (stream: Readable): BodyReader =>
  (limit) =>
    // Uses the stream's events, because events are faster than the stream's iterator.
    new Promise((resolve, reject) => {
      let body = new Uint8Array()
      let length = 0
      const onData = (chunk: Uint8Array | string): void => {
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
        const end = length + bytes.length
        if (end > limit) return resolve(undefined)
        // Copies the chunks, because a list of many small chunks takes a hundred times as much memory as their bytes.
        if (end > body.length) {
          const larger = new Uint8Array(Math.min(2 * end, limit))
          larger.set(body)
          body = larger
        }
        body.set(bytes, length)
        length = end
      }
      const onClose = (): void => {
        // A stream also emits `close` after a complete body.
        if (!stream.readableEnded) reject(new Error('the request was closed before the whole body arrived'))
      }
      if (stream.destroyed || stream.readableEnded) return reject(new Error('the body was read before'))
      // The listeners are not removed. Without an `error` listener, Node would throw a later error of the stream. After
      // the promise has settled, the listeners do nothing.
      stream.on('data', onData)
      stream.on('end', () => resolve(decoder.decode(body.subarray(0, length))))
      stream.on('error', reject)
      stream.on('close', onClose)
      stream.resume() // if a parser has paused the stream, a listener alone does not start it again
    })
