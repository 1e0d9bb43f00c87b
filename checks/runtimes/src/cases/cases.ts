import { createTestIssuer } from '@bcl/testing'
import { algorithmRows } from './algorithm-rows.ts'
import { runAll, type Report } from './case.ts'
import { discoveryRows } from './discovery-rows.ts'
import { useProvider } from './module-scope.ts'
import { requestRows } from './request-rows.ts'
import { securityEventRows } from './security-event-rows.ts'
import { sessionRows } from './session-rows.ts'
import { tokenRows } from './token-rows.ts'

/** Runs every case on this runtime. */
export async function runCases(): Promise<Report> {
  const op = await createTestIssuer()
  useProvider(op)
  const rows = [...requestRows, ...tokenRows, ...algorithmRows, ...sessionRows, ...discoveryRows, ...securityEventRows]
  return runAll(rows, op)
}
