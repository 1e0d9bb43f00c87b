import { expect, test } from 'vitest'
import { createRespond } from '../src/http/respond.js'

// Past the public door: it takes a runtime that rejects what it has ended, as Workers do with a request's promises.
test.each([400, 503])(
  'a run that the runtime has ended is an outage, answered %i, not a bad request',
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
