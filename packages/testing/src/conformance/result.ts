import type { ConformanceCase, ConformanceGrade } from './case.js'
import type { ConformanceFault } from './relying-party/expectations.js'
import { plainest } from './select-cases.js'

/** The result of one case. */
export interface ConformanceResult extends Omit<ConformanceCase, 'acts' | 'wantsOfSession' | 'namesOnlyTheUser'> {
  outcome: 'passed' | 'failed' | 'skipped'
  /** The behaviour of the application, or the reason why the case was skipped. */
  got: string
  /** The kind of the failure. Only set if the case failed. */
  fault?: ConformanceFault
  /** A property that this failure shares with other failures, for example `the status 500`. Not set if it is unknown. */
  cause?: string
  /** The duration of the case's steps, in milliseconds. */
  durationMs: number
}

const grades = ['MUST', 'SHOULD', 'hardening', 'interoperability'] as const satisfies readonly ConformanceGrade[]

/** Counts the results by grade and outcome. */
export function sumUp(
  results: readonly ConformanceResult[],
): Record<ConformanceGrade, Record<ConformanceResult['outcome'], number>> {
  const countsFor = (grade: ConformanceGrade) => {
    const outcomes = results.filter((result) => result.grade === grade).map(({ outcome }) => outcome)
    const count = (wanted: ConformanceResult['outcome']): number => outcomes.filter((one) => one === wanted).length
    return { passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
  }
  return Object.fromEntries(grades.map((grade) => [grade, countsFor(grade)])) as ReturnType<typeof sumUp>
}

/** Failed cases with the same cause. */
export interface ConformanceFinding {
  /** The fault of the application, in one sentence. */
  what: string
  /** The most serious grade of the cases. */
  grade: ConformanceGrade
  fault: ConformanceFault
  results: ConformanceResult[]
}

/** The texts for the faults. The most dangerous fault comes first. */
const faults: Record<ConformanceFault, (about: string) => string> = {
  accepted: (about) => `The application accepts tokens that it must refuse. ${about}`,
  'not ended': (about) => `The application accepts tokens and ends no session. ${about}`,
  refused: (about) => `The application does not accept good tokens. ${about}`,
  ended: (about) => `The application ends sessions that must go on. ${about}`,
  status: (about) => `The application does not answer 400 to tokens and requests that it must refuse. ${about}`,
  other: (about) => about,
}

/**
 * Groups the failed cases by cause. The first groups are about tokens that the application wrongly accepts.
 *
 * @example
 * ```ts
 * import { findingsOf, type ConformanceResult } from '@bcl/testing'
 *
 * declare const results: ConformanceResult[]
 * for (const { what, results: cases } of findingsOf(results)) console.log(what, cases.length)
 * ```
 */
export function findingsOf(results: readonly ConformanceResult[]): ConformanceFinding[] {
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  const plain = failed.find(({ id }) => id === plainest)
  const groups = new Map<string, ConformanceResult[]>()
  for (const result of failed) {
    const { id, fault = 'other', cause, requirement } = result
    const explained = plain?.fault === fault && (fault === 'refused' || fault === 'not ended')
    const key = `${fault} ${explained ? plainest : fault === 'other' ? id : (cause ?? requirement)}`
    groups.set(key, [...(groups.get(key) ?? []), result])
  }
  const order = Object.keys(faults)
  const findings = [...groups.values()].map((group): ConformanceFinding => {
    const { fault = 'other', cause, reference, title } = group.find(({ id }) => id === plainest) ?? group[0]!
    const grade = grades.find((one) => group.some((result) => result.grade === one))!
    const about = cause === undefined ? `The rule: ${reference}.` : `This concerns ${cause}.`
    return {
      what: faults[fault](fault === 'other' ? `The application fails this case: ${title}.` : about),
      grade,
      fault,
      results: group,
    }
  })
  return findings.sort(
    (one, other) =>
      order.indexOf(one.fault) - order.indexOf(other.fault) || grades.indexOf(one.grade) - grades.indexOf(other.grade),
  )
}
