import { webApplications } from './web.ts'

interface Environment {
  PROVIDER: string
}

let applications: ReturnType<typeof webApplications> | undefined

/** The first request creates the applications. Before it, the issuer (a binding) and random numbers are not available. */
const entrypoint = (name: keyof ReturnType<typeof webApplications>) => ({
  fetch: (request: Request, { PROVIDER }: Environment): Response | Promise<Response> =>
    (applications ??= webApplications(PROVIDER))[name](request),
})

export const handle = entrypoint('handle')
export const hono = entrypoint('hono')
