import type { BodyReader } from '@bcl/core'
import type { Readable } from 'node:stream'

const decoder = new TextDecoder()

/** Seconds after which reading fails. A receiver waits for the body for only five seconds, so it has answered by then. */
const longestRead = 6

/**
 * Returns a function that reads a Node stream as text. Pass the function to `respond` as the body. If the text is longer than
 * `limit` bytes, the function resolves to `undefined` at once. It still reads and discards the rest, because unread data blocks
 * the connection.
 *
 * @throws {Error} The returned function rejects if the stream fails, is closed early, has already been read, or takes more
 *   than six seconds.
 */
export const readBody =
  (stream: Readable): BodyReader =>
  (limit) =>
    // Uses the stream's events, because events are faster than the stream's iterator.
    new Promise((resolve, reject) => {
      let body = new Uint8Array()
      let length = 0
      let hasEnded = false
      /** Drops the bytes. Otherwise a client that stops in the middle of its body would keep them in memory. */
      const end = (): void => {
        hasEnded = true
        body = new Uint8Array()
        clearTimeout(timer)
      }
      const fail = (error: unknown): void => {
        end()
        reject(error as Error)
      }
      const onData = (chunk: Uint8Array | string): void => {
        if (hasEnded) return
        const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
        const start = length
        length += bytes.length
        if (length > limit) {
          end()
          return resolve(undefined)
        }
        // Copies the chunks, because a list of many small chunks takes a hundred times as much memory as their bytes.
        if (length > body.length) {
          const larger = new Uint8Array(Math.min(2 * length, limit))
          larger.set(body)
          body = larger
        }
        body.set(bytes, start)
      }
      const onClose = (): void => {
        // A stream also emits `close` after a complete body.
        if (!stream.readableEnded) fail(new Error('the request was closed before the whole body arrived'))
      }
      if (stream.destroyed || stream.readableEnded) return reject(new Error('the body was read before'))
      const timer = setTimeout(() => fail(new Error(`the body took over ${longestRead} s`)), longestRead * 1000)
      // The listeners are not removed. Without an `error` listener, Node would throw a later error of the stream. After
      // the promise has settled, the listeners do nothing.
      stream.on('data', onData)
      stream.on('end', () => {
        resolve(decoder.decode(body.subarray(0, length)))
        end()
      })
      stream.on('error', fail)
      stream.on('close', onClose)
      stream.resume() // if a parser has paused the stream, a listener alone does not start it again
    })
