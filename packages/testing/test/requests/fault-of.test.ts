import { faultOf, requestCases } from '@bcl/testing'
import { expect, test } from 'vitest'

test('faultOf describes the fault of an answer', () => {
  const row = { status: 400, name: 'x' }
  const headers = { 'cache-control': 'no-store', 'content-type': 'application/json' }
  const fault = (body: string, init: ResponseInit) => faultOf(row, new Response(body, init), body)
  expect(requestCases.length).toBeGreaterThan(30)
  expect(fault('{"error":"invalid_request","error_description":"x"}', { status: 400, headers })).toBeUndefined()
  expect(fault('{"error":"other","error_description":"x"}', { status: 400, headers })).toContain('other')
  expect(fault('{"error":"invalid_request","error_description":"\\""}', { status: 400, headers })).toContain(
    'description',
  )
  expect(fault('x', { status: 400, headers: { 'cache-control': 'no-store' } })).toContain('text/plain')
  expect(fault('', { status: 200, headers })).toContain('200')
})
