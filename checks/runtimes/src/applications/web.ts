import { handleApplication } from './handle.ts'
import { honoApplication } from './hono.ts'

type Fetch = (request: Request) => Response | Promise<Response>

/** The applications that need only `Request` and `Response`. Each trusts an issuer of its own name. */
export const webApplications = (provider: string): Record<'handle' | 'hono', Fetch> => ({
  handle: handleApplication(`${provider}/handle`),
  hono: honoApplication(`${provider}/hono`),
})
