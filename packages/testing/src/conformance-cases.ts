import { answerConformance } from './conformance-answers.js'
import type { ConformanceCase } from './conformance-case.js'
import { oidfConformance } from './conformance-oidf.js'
import { providerConformance } from './conformance-providers.js'
import { requestConformance } from './conformance-requests.js'
import { sessionConformance } from './conformance-sessions.js'
import { acceptConformance, refuseConformance } from './conformance-tokens.js'

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
