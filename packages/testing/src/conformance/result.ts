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
  /** The fault of the application, in one or two sentences. */
  what: string
  /** The most serious grade of the cases. */
  grade: ConformanceGrade
  fault: ConformanceFault
  results: ConformanceResult[]
}

/**
 * The first sentence of a finding, for each fault. `must` is for cases of the grade `MUST`. `other` is for all other
 * cases. The most dangerous fault comes first.
 */
const faults: Record<ConformanceFault, readonly [must: string, other: string]> = {
  accepted: [
    'The application accepts tokens or requests that it must refuse.',
    'The application accepts tokens or requests that a careful application refuses. No standard requires this.',
  ],
  'not ended': [
    'The application accepts tokens and ends no session.',
    'The application accepts tokens and ends no session. No standard forbids this in these cases.',
  ],
  refused: [
    'The application does not accept valid tokens or requests.',
    'The application refuses tokens or requests that other applications accept. No standard requires an application to accept them.',
  ],
  ended: [
    'The application ends sessions that must go on.',
    'The application ends more sessions than the logout is about. No standard forbids this in these cases.',
  ],
  status: [
    'The application does not answer 400 to wrong tokens or requests.',
    'The application does not answer 400 to wrong tokens or requests.',
  ],
  other: ['', ''],
}

/** Returns the same key for failed cases with the same cause. */
function keyOf(result: ConformanceResult, plain: ConformanceResult | undefined): string {
  const { fault = 'other', cause, reference, grade } = result
  const isExplained = plain?.fault === fault && (fault === 'refused' || fault === 'not ended')
  if (isExplained) return `${fault} ${plainest}`
  if (cause !== undefined) return `${fault} ${cause}`
  return `${fault} ${grade === 'MUST'} ${reference}`
}

/** Describes the fault that some results share. */
function describeFinding(group: readonly ConformanceResult[], grade: ConformanceGrade): string {
  // Prefers our own cases, because the titles of the OpenID Foundation's modules are harder to understand.
  const first = group.find(({ id }) => id === plainest) ?? group.find((one) => one.group !== 'oidf') ?? group[0]!
  const { fault = 'other', cause, reference, title } = first
  const isRule = grade === 'MUST' || grade === 'SHOULD'
  const about = cause === undefined ? `${isRule ? 'The rule' : 'Background'}: ${reference}.` : `This concerns ${cause}.`
  if (fault !== 'other') return `${faults[fault][grade === 'MUST' ? 0 : 1]} ${about}`
  const more = cause === undefined ? '' : ` ${about}`
  return group.length === 1 || cause !== undefined
    ? `The application fails this case: ${title}.${more}`
    : `The application fails ${group.length} cases about one rule. ${about}`
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
    const key = keyOf(result, plain)
    groups.set(key, [...(groups.get(key) ?? []), result])
  }
  const order = Object.keys(faults)
  const findings = [...groups.values()].map((group): ConformanceFinding => {
    const grade = grades.find((one) => group.some((result) => result.grade === one))!
    return { what: describeFinding(group, grade), grade, fault: group[0]!.fault ?? 'other', results: group }
  })
  return findings.sort(
    (one, other) =>
      order.indexOf(one.fault) - order.indexOf(other.fault) || grades.indexOf(one.grade) - grades.indexOf(other.grade),
  )
}
