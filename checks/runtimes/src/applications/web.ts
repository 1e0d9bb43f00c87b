import { handleApplication } from './handle.ts'
import { honoApplication } from './hono.ts'

type Fetch = (request: Request) => Response | Promise<Response>

/**
 * The applications that need only `Request` and `Response`. Each trusts a different issuer, which has the name of the
 * application.
 */
export const webApplications = (provider: string): Record<'handle' | 'hono', Fetch> => ({
  handle: handleApplication(`${provider}/handle`),
  hono: honoApplication(`${provider}/hono`),
})
