import { runConformance } from '@bcl/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { answerFaults } from '../faults/answer-faults.ts'
import { findFaults } from '../faults/find-faults.ts'
import { contract, endpoint } from '../application.ts'
import { createRelyingParty } from '../faults/relying-party.ts'

findFaults(answerFaults)

test('finds an application that answers late', async () => {
  let delay = 0
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + delay)
  onTestFinished(() => void vi.restoreAllMocks())
  const { provider, fetch, nextSecond } = await createRelyingParty({
    answer(response) {
      delay += 2500
      return response
    },
  })
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond, only: ['answer'] })
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  expect(failed.map(({ id, got }) => `${id}: ${got}`)).toEqual([
    expect.stringMatching(/^answer\/in-time: answered after \d{4,} ms$/),
  ])
})

test('the answer to a successful logout may have a body', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty({
    answer: (response) => (response.status === 200 ? new Response('{"ok":true}', response) : response),
  })
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond })
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
})

test.each([
  ['no body', () => new Response(null, { status: 400, headers: { 'cache-control': 'no-store' } }), []],
  [
    'JSON without an error',
    () => Response.json({ message: 'no' }, { status: 400, headers: { 'cache-control': 'no-store' } }),
    ['answer/refusal-says-why'],
  ],
])('a refusal has no body or JSON with an error: %s', async (_, refuse, failing) => {
  const { provider, fetch, nextSecond } = await createRelyingParty({
    answer: (response) => (response.status === 400 ? refuse() : response),
  })
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond, only: ['answer'] })
  expect(results.filter(({ outcome }) => outcome !== 'passed').map(({ id }) => id)).toEqual(failing)
})
