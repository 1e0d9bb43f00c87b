import type { ConformanceCase, ConformanceGrade } from './case.js'

/** The result of one case. */
export interface ConformanceResult extends Omit<ConformanceCase, 'acts'> {
  outcome: 'passed' | 'failed' | 'skipped'
  /** What the application did, or why the case was skipped. */
  got: string
  /** How long the steps of the case took, in milliseconds. */
  durationMs: number
}

/** Counts the results by grade and outcome. */
export function sumUp(
  results: readonly ConformanceResult[],
): Record<ConformanceGrade, Record<ConformanceResult['outcome'], number>> {
  const countsFor = (grade: ConformanceGrade) => {
    const outcomes = results.filter((result) => result.grade === grade).map(({ outcome }) => outcome)
    const count = (wanted: ConformanceResult['outcome']): number => outcomes.filter((one) => one === wanted).length
    return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
  }
  return { MUST: countsFor('MUST'), hardening: countsFor('hardening'), interoperability: countsFor('interoperability') }
}
