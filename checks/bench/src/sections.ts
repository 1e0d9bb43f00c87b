import { measureChecks } from './checking/checks.ts'
import { measureCosts } from './receiving/costs.ts'
import { measureEncrypted } from './receiving/encrypted.ts'
import { measureEndpoint, measureExamples } from './receiving/endpoint.ts'
import { measureImports } from './package/imports.ts'
import { measureLarge } from './receiving/large.ts'
import { measureManyAtOnce } from './stores/many-at-once.ts'
import { measureMemory } from './stores/memory.ts'
import { measurePages } from './checking/page-checks.ts'
import { measureParameters } from './receiving/parameters.ts'
import { measureReceive } from './receiving/receive.ts'
import { measureRefused } from './receiving/refused.ts'
import { measureRemembered } from './stores/remembered.ts'
import type { Row } from './report/results.ts'
import type { Scale } from './measure/scale.ts'
import { measureSize } from './package/size.ts'
import { measureStoreBytes, measureStores } from './stores/stores.ts'
import { measureSubject } from './stores/subject.ts'

/** All sections, in the order of the page. */
export const sections = {
  endpoint: measureEndpoint,
  examples: measureExamples,
  receive: measureReceive,
  refused: measureRefused,
  encrypted: measureEncrypted,
  bodies: measureLarge,
  forms: measureParameters,
  pages: measurePages,
  checks: measureChecks,
  stores: measureStores,
  remembered: measureRemembered,
  subject: measureSubject,
  memory: measureMemory,
  storeBytes: measureStoreBytes,
  manyAtOnce: measureManyAtOnce,
  costs: measureCosts,
  imports: measureImports,
  size: measureSize,
} satisfies Record<string, (scale: Scale) => Promise<Row[]>>

export type SectionName = keyof typeof sections
