import { measureChecks } from './checks.ts'
import { measureCosts } from './costs.ts'
import { measureEncrypted } from './encrypted.ts'
import { measureEndpoint, measureExamples } from './endpoint.ts'
import { measureImports } from './imports.ts'
import { measureLarge } from './large.ts'
import { measureManyAtOnce } from './many-at-once.ts'
import { measureMemory } from './memory.ts'
import { measurePages } from './page-checks.ts'
import { measureParameters } from './parameters.ts'
import { measureReceive } from './receive.ts'
import { measureRefused } from './refused.ts'
import { measureRemembered } from './remembered.ts'
import type { Row } from './results.ts'
import type { Scale } from './scale.ts'
import { measureSize } from './size.ts'
import { measureStoreBytes, measureStores } from './stores.ts'
import { measureSubject } from './subject.ts'

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
