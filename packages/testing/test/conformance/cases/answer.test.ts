import { runConformance } from '@bcl/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { answerFaults } from '../faults/answer-faults.ts'
import { findFaults } from '../faults/find-faults.ts'
import { contract, createRelyingParty, endpoint } from '../faults/relying-party.ts'

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
