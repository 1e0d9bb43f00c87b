import { answerConformance } from './cases/answer.js'
import type { ConformanceCase } from './case.js'
import { oidfConformance } from './cases/oidf.js'
import { providerConformance } from './cases/provider.js'
import { requestConformance } from './cases/request.js'
import { sessionConformance } from './cases/session.js'
import { acceptConformance, refuseConformance } from './cases/token.js'

/** All that a back-channel logout endpoint is asked, in the order it is asked in. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...oidfConformance,
  ...requestConformance,
  ...acceptConformance,
  ...refuseConformance,
  ...providerConformance,
  ...answerConformance,
  ...sessionConformance,
]

const means = (name: string, { id, group, grade, requirement }: ConformanceCase): boolean =>
  id.startsWith(name) || [group, grade, requirement].includes(name)

function casesNamed(name: string): readonly ConformanceCase[] {
  const exact = conformanceCases.filter(({ id }) => id === name)
  const named = exact.length > 0 || name === '' ? exact : conformanceCases.filter((row) => means(name, row))
  if (named.length === 0) throw new RangeError(`no conformance case is named ${JSON.stringify(name)}`)
  return named
}

/**
 * The cases that names mean, in their order; all where there is no name.
 *
 * @param names Ids, or beginnings of them, groups, grades or requirements.
 * @throws {RangeError} when a name means none.
 */
export function selectConformanceCases(names: readonly string[] = []): readonly ConformanceCase[] {
  if (names.length === 0) return conformanceCases
  const named = new Set(names.flatMap(casesNamed))
  return conformanceCases.filter((row) => named.has(row))
}
