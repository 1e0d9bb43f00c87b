import type { BodyReader } from '@bcl/core'
import type { Readable } from 'node:stream'

const decoder = new TextDecoder()

/**
 * Returns a function that reads a Node stream as text. Pass the function to `respond` as the body. The function reads by events,
 * which is faster than the stream's iterator.
 *
 * The function keeps at most `limit` bytes. It discards the rest and lets the stream flow, because an unread rest blocks the
 * connection.
 *
 * @throws {Error} The function rejects if the stream fails, is closed early, or has been read to its end before.
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
        // Creates no error after a body that has arrived.
        if (!stream.readableEnded) reject(new Error('the request was closed before its body had arrived'))
      }
      if (stream.destroyed || stream.readableEnded) return reject(new Error('the body has been read before'))
      // The listeners stay. They are idle after the promise has settled, and an `error` event without a listener would be thrown.
      stream.on('data', onData)
      stream.on('end', () => resolve(decoder.decode(Buffer.concat(chunks))))
      stream.on('error', reject)
      stream.on('close', onClose)
      stream.resume() // a listener does not start a stream that a parser has paused
    })
