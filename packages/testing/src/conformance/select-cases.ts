import type { ConformanceCase } from './case.js'
import { acceptConformance } from './cases/accept.js'
import { answerConformance } from './cases/answer.js'
import { oidfConformance } from './cases/oidf.js'
import { providerConformance } from './cases/provider.js'
import { refuseConformance } from './cases/refuse.js'
import { requestConformance } from './cases/request.js'
import { sessionConformance } from './cases/session.js'

/** All conformance cases, in the order in which {@link runConformance} runs them. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...oidfConformance,
  ...requestConformance,
  ...acceptConformance,
  ...refuseConformance,
  ...providerConformance,
  ...answerConformance,
  ...sessionConformance,
]

/** The simplest good token. If its case fails, the same fault in other cases has the same cause. */
export const plainest = 'accept/sub-and-sid'

const matches = (name: string, { id, group, grade, requirement }: ConformanceCase): boolean =>
  id.startsWith(name) || [group, grade, requirement].includes(name)

/** Returns the cases with this name. An exact id selects only its own case, even if other ids start with it. */
function casesNamed(name: string): readonly ConformanceCase[] {
  const exact = conformanceCases.filter(({ id }) => id === name)
  const named = exact.length > 0 || name === '' ? exact : conformanceCases.filter((one) => matches(name, one))
  if (named.length === 0) throw new RangeError(`no conformance case is named ${JSON.stringify(name)}`)
  return named
}

/**
 * Returns the cases that match at least one name, in the order of {@link conformanceCases}. Without names, returns all cases.
 *
 * @param names Ids, beginnings of ids, groups, grades or requirements.
 * @throws {RangeError} if a name matches no case.
 */
export function selectConformanceCases(names: readonly string[] = []): readonly ConformanceCase[] {
  if (names.length === 0) return conformanceCases
  const selected = new Set(names.flatMap(casesNamed))
  return conformanceCases.filter((one) => selected.has(one))
}
