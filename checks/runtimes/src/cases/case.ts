import type { TestIssuer } from '@bcl/testing'

/** One row of the table. It throws if the result on this runtime is wrong. */
export interface Case {
  name: string
  run(op: TestIssuer): Promise<void>
}

export interface Outcome {
  name: string
  message: string
}

export interface Report {
  passed: number
  failed: Outcome[]
  /** The cases that the runtime's cryptography does not support. jose alone also fails at them. */
  unsupported: Outcome[]
}

/** The error of a case that the runtime's cryptography does not support. */
export class Unsupported extends Error {}

const messageOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error)

export async function runAll(cases: readonly Case[], op: TestIssuer): Promise<Report> {
  const report: Report = { passed: 0, failed: [], unsupported: [] }
  for (const { name, run } of cases) {
    try {
      await run(op)
      report.passed += 1
    } catch (error) {
      const list = error instanceof Unsupported ? report.unsupported : report.failed
      list.push({ name, message: messageOf(error instanceof Unsupported ? error.cause : error) })
    }
  }
  return report
}

export const merge = (reports: readonly Report[]): Report => ({
  passed: reports.reduce((sum, { passed }) => sum + passed, 0),
  failed: reports.flatMap(({ failed }) => failed),
  unsupported: reports.flatMap(({ unsupported }) => unsupported),
})

export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (found !== wanted) throw new Error(`${what}: ${found}, not ${wanted}`)
}

/** Returns the reason of a rejected promise. Throws if the promise is not rejected. */
export async function rejection(work: Promise<unknown>): Promise<{ name?: unknown; code?: unknown; claim?: unknown }> {
  try {
    await work
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not refused')
}

/** Resolves when `check` returns true. Rejects after two seconds. */
export async function eventually(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`${what} did not happen`)
}
