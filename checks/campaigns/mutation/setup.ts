import * as fc from 'fast-check'
import { beforeEach } from 'vitest'

// Runs each property fewer times than usual, because the properties run again for each mutant.
fc.configureGlobal({ numRuns: 25 })

/** Slow tests with many entries, which a mutation run skips. For each slow test, a faster test checks the same rule. */
const slow = new Set(['10,000 logouts of one subject leave one marker'])

beforeEach(({ task, skip }) => {
  if (slow.has(task.name)) skip()
})
