import { expect, it } from 'vitest'

import { createStreams } from '../../hono/src/shared/streams.ts'

const session = { iss: 'https://op.example.com', sub: 'alice', sid: 'a', iat: 1 }

it('accepts 5 streams of a session, and refuses more with 429', () => {
  const streams = createStreams()
  const opened = Array.from({ length: 5 }, () => streams.open(session))
  expect(opened.map((close) => typeof close)).toEqual(Array(5).fill('function'))
  expect(streams.open({ ...session })).toBe(429)
})

it.each([
  ['issuer', { iss: 'https://other.example.com' }],
  ['user', { sub: 'bob' }],
  ['sid', { sid: 'b' }],
  ['sid that is not known', { sid: null }],
  ['sign-in', { iat: 2 }],
])('counts the streams of another %s separately', (_, other) => {
  const streams = createStreams({ perSession: 1, perProcess: 10 })
  streams.open(session)
  expect(streams.open(session)).toBe(429)
  expect(streams.open({ ...session, ...other })).toBeTypeOf('function')
})

it('accepts 1,000 streams of a process, and refuses more with 503', () => {
  const streams = createStreams()
  for (let iat = 1; iat <= 200; iat++) {
    for (let count = 0; count < 5; count++) expect(streams.open({ ...session, iat })).toBeTypeOf('function')
  }
  expect(streams.open({ ...session, iat: 201 })).toBe(503)
  expect(streams.open({ ...session, iat: 200 })).toBe(429)
})

it('frees a place once, even if the stream is closed several times', () => {
  const streams = createStreams({ perSession: 2, perProcess: 2 })
  const [first] = [streams.open(session), streams.open(session)] as (() => void)[]
  expect(streams.open(session)).toBe(429)

  first!()
  first!()

  expect(streams.open(session)).toBeTypeOf('function')
  expect(streams.open(session)).toBe(429)
  expect(streams.open({ ...session, iat: 2 })).toBe(503)
})
