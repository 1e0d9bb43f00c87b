import type { ConformanceCase } from './case.js'
import { acceptConformance } from './cases/accept.js'
import { answerConformance } from './cases/answer.js'
import { oidfConformance } from './cases/oidf.js'
import { providerConformance } from './cases/provider.js'
import { refuseConformance } from './cases/refuse.js'
import { requestConformance } from './cases/request.js'
import { securityEventConformance } from './cases/security-event.js'
import { sessionConformance } from './cases/session.js'

/** All conformance cases for Logout Tokens, in the order in which {@link runConformance} runs them. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...oidfConformance,
  ...requestConformance,
  ...acceptConformance,
  ...refuseConformance,
  ...providerConformance,
  ...answerConformance,
  ...sessionConformance,
]

/**
 * The id of the case with the simplest valid token. If this case fails, the same fault in other cases has the same
 * cause.
 */
export const plainest = 'accept/sub-and-sid'

/** All conformance cases for a receiver of Security Event Tokens. {@link runConformance} runs them with `securityEvents`. */
export const securityEventConformanceCases: readonly ConformanceCase[] = securityEventConformance

const matches = (name: string, { id, group, grade, requirement }: ConformanceCase): boolean =>
  id.startsWith(name) || [group, grade, requirement].includes(name)

/** Returns the cases with this name. An exact id selects only its own case, even if other ids start with it. */
function casesNamed(name: string, cases: readonly ConformanceCase[]): readonly ConformanceCase[] {
  const exact = cases.filter(({ id }) => id === name)
  const named = exact.length > 0 || name === '' ? exact : cases.filter((one) => matches(name, one))
  if (named.length === 0) throw new RangeError(`no conformance case is named ${JSON.stringify(name)}`)
  return named
}

/**
 * Returns the cases that match at least one name. The cases keep the order of `cases`. Without names, returns all
 * cases.
 *
 * @param names Ids, beginnings of ids, groups, grades or requirements.
 * @param cases The cases to select from. @default {@link conformanceCases}
 * @throws {RangeError} if a name matches no case.
 */
export function selectConformanceCases(
  names: readonly string[] = [],
  cases: readonly ConformanceCase[] = conformanceCases,
): readonly ConformanceCase[] {
  if (names.length === 0) return cases
  const selected = new Set(names.flatMap((name) => casesNamed(name, cases)))
  return cases.filter((one) => selected.has(one))
}
