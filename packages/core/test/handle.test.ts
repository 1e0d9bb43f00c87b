import type { LogoutRequest } from '@bcl/core'
import { testAdapter } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { handleWith } from '../src/http/respond.js'

describe('handle', () =>
  testAdapter(
    test,
    (logout) => ({ fetch: (path, init) => logout.handle(new Request(`https://app.example${path}`, init)) }),
    { endpointOnly: true },
  ))

test.each([
  ['Bearer secret', { authorization: 'Bearer secret' }],
  [null, {}],
])('handle passes the authorization %j to any receiver that has respond', async (authorization, headers) => {
  let received: LogoutRequest | undefined
  const respond = async (request: LogoutRequest) => {
    received = request
    return { status: 202, headers: {}, body: '' }
  }
  const { status } = await handleWith(respond, new Request('https://app.example/events', { method: 'POST', headers }))
  expect(status).toBe(202)
  expect(received).toMatchObject({ method: 'POST', authorization })
})
