import { expect } from 'vitest'

type Test = (name: string, run: () => Promise<void>) => void

/** Runs the tests that a suite registers. Returns the names of the tests that failed. */
export async function failedTests(register: (test: Test) => void): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = []
  register((name, run) => tests.push([name, run]))
  expect(tests.length).toBeGreaterThan(0)
  const failed: string[] = []
  await Promise.all(tests.map(([name, run]) => run().catch(() => failed.push(name))))
  return failed
}
