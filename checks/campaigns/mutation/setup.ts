import * as fc from 'fast-check'
import { beforeEach } from 'vitest'

// Fewer runs of each property than usual, because each mutant runs all of them.
fc.configureGlobal({ numRuns: 25 })

/** Slow tests of amounts. A faster test checks the same rule. */
const slow = new Set(['10,000 logouts of one subject leave one marker'])

beforeEach(({ task, skip }) => {
  if (slow.has(task.name)) skip()
})
