import type { TestIssuer } from '@bcl/testing'

/** One row of the table. It throws when the runtime answers it wrongly. */
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
  /** What the runtime's own cryptography cannot do: bare jose fails at it as well. */
  unsupported: Outcome[]
}

/** Thrown by a case that the runtime's own cryptography cannot carry out. */
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

/** What a promise is rejected with; it is an error that it is not. */
export async function rejection(work: Promise<unknown>): Promise<{ name?: unknown; code?: unknown; claim?: unknown }> {
  try {
    await work
  } catch (error) {
    return error as Error
  }
  throw new Error('it was not refused')
}

/** Resolves when `check` holds; gives up after two seconds. */
export async function eventually(check: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(`${what} did not happen`)
}
