import { expect, test } from 'vitest'
import { createRespond } from '../src/http/respond.js'

// This test uses internal functions. The case needs a runtime that rejects the promises of an ended request, as Workers does.
test.each([400, 503])(
  'if the runtime has ended a run, the answer is an outage with %i, not a bad request',
  async (status) => {
    const ended = Promise.reject(new Error('This promise was created by a request that has since ended'))
    const outcomes: unknown[] = []
    const respond = createRespond(
      () => ({ result: ended, until: 0 }),
      status,
      ({ outcome, code }) => outcomes.push([outcome, code]),
    )
    const contentType = 'application/x-www-form-urlencoded'
    const answer = await respond({ method: 'POST', contentType, body: 'logout_token=token' })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'temporarily_unavailable' })
    expect(outcomes).toEqual([['failed', 'ERR_LOGOUT_FAILED']])
  },
)
