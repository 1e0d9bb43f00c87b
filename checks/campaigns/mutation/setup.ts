import * as fc from 'fast-check'
import { beforeEach } from 'vitest'

// A mutant meets each property some times, not a hundred.
fc.configureGlobal({ numRuns: 25 })

/** Tests that take seconds and have a quicker twin: of amounts, not of rules. */
const slow = new Set(['10,000 logouts of one subject leave one marker'])

beforeEach(({ task, skip }) => {
  if (slow.has(task.name)) skip()
})
