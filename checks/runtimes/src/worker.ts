import { createTestIssuer } from '@bcl/testing'
import type { ExecutionContext } from 'hono'
import { runAll } from './cases/case.ts'
import { runCases } from './cases/cases.ts'
import { cut, cutRows, fetchesOfCut, timeOut, timeOutRows } from './cases/cut-rows.ts'
import { afterRows, beginRows } from './cases/worker-rows.ts'

/** Tells whether this runtime refuses random numbers in the scope of a module. Workers must refuse them. */
function refusesAtModuleScope(): boolean {
  try {
    crypto.randomUUID()
    return false
  } catch {
    return true
  }
}

const isStrict = refusesAtModuleScope()

const worker = {
  async fetch(request: Request, env: object, context: ExecutionContext): Promise<Response> {
    const op = await createTestIssuer()
    switch (new URL(request.url).pathname) {
      case '/begin':
        return Response.json(await runAll(beginRows, op))
      case '/after':
        return Response.json(await runAll(afterRows, op))
      case '/cut':
        return cut(op, env, context)
      case '/fetches-of-cut':
        return Response.json(fetchesOfCut())
      case '/after-cut':
        return Response.json(await runAll(cutRows, op))
      case '/time-out':
        return Response.json(await timeOut(op, env, context))
      case '/after-time-out':
        return Response.json(await runAll(timeOutRows, op))
      default: {
        const report = await runCases()
        if (!isStrict)
          report.failed.push({ name: 'module scope', message: 'the runtime allowed a random number there' })
        return Response.json(report)
      }
    }
  },
}

// eslint-disable-next-line import/no-default-export -- workerd looks for it
export default worker
