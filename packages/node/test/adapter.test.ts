import { backchannelLogout } from '@bcl/node'
import { testAdapter } from '@bcl/testing'
import type { IncomingMessage } from 'node:http'
import { buffer, text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { serve } from './serve.js'

type Parse = (request: IncomingMessage) => object | Promise<object>

/** Body parsers that run before the endpoint. Each returns the properties that it sets on the request. */
const parsers: [string, Parse][] = [
  ['nothing', () => ({})],
  ['a parser that keeps an object', async (request) => ({ body: toObject(await text(request)) })],
  ['a parser that keeps a string', async (request) => ({ body: await text(request) })],
  ['a parser that keeps a Buffer', async (request) => ({ body: await buffer(request) })],
  ['a parser that keeps URLSearchParams', async (request) => ({ body: new URLSearchParams(await text(request)) })],
  ['a parser that keeps rawBody', async (request) => ({ rawBody: await buffer(request), body: {} })],
  ['a parser that leaves the stream alone and sets an empty object', () => ({ body: {} })],
  ['a parser that pauses the stream', (request) => request.on('data', () => {}).pause() && {}],
  ['a parser that decodes the bytes as text', (request) => request.setEncoding('utf8') && {}],
  ['a middleware that sets an empty Buffer as rawBody', () => ({ rawBody: Buffer.alloc(0) })],
]

/** Like the API routes of Next.js: repeated parameters become a list. */
function toObject(form: string): object {
  const params = new URLSearchParams(form)
  return Object.fromEntries(
    Array.from(params.keys(), (name) => {
      const values = params.getAll(name)
      return [name, values.length > 1 ? values : values[0]]
    }),
  )
}

describe.each(parsers)('behind %s (T-3)', (name, parse) =>
  testAdapter(
    test,
    (logout) => {
      const endpoint = backchannelLogout(logout)
      return serve(async (request, response) => {
        Object.assign(request, await parse(request))
        expect(await endpoint(request, response)).toBe(undefined)
      })
    },
    { endpointOnly: true, parsesBody: /object|URLSearchParams/.test(name) },
  ),
)
