import { expect, it, vi } from 'vitest'

import { logDelivery, logError } from '../../hono/src/shared/log.ts'

function logged(work: () => void): unknown[][] {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  try {
    work()
    return log.mock.calls
  } finally {
    log.mockRestore()
  }
}

it('logs the messages of an error and of its causes', () => {
  const error = new Error('the store failed', { cause: new Error('connect', { cause: new Error('ECONNREFUSED') }) })
  expect(logged(() => logError('Logouts', error))).toEqual([['Logouts: the store failed: connect: ECONNREFUSED']])
})

it('logs neither text that a JSON parser quotes nor other fields of an error', () => {
  const cause = new SyntaxError('Unexpected token "eyJhbGciOi..." is not valid JSON')
  const error = Object.assign(new Error('parsing error', { cause }), { token: 'eyJhbGciOi' })
  expect(logged(() => logError('Sign-in refused', error))).toEqual([['Sign-in refused: parsing error']])
})

it('if a logout fails, logs which part of the application failed', () => {
  const error = new Error('the store failed', { cause: new Error('connection lost') })
  const delivery = { outcome: 'failed', code: 'ERR_LOGOUT_FAILED', error, durationMs: 1 } as const
  expect(logged(() => logDelivery(delivery))).toEqual([
    ['Logout: failed, ERR_LOGOUT_FAILED: the store failed: connection lost'],
  ])
})

it('logs why each listener failed', () => {
  const errors = [
    new Error('no answer', { cause: new Error('down') }),
    new Error('not found'),
    new SyntaxError('{"a":1}'),
  ]
  const error = new Error('a listener failed', { cause: new AggregateError(errors) })
  expect(logged(() => logError('Logout', error))).toEqual([['Logout: a listener failed: no answer: down, not found']])
})
