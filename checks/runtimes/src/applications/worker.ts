import { webApplications } from './web.ts'

interface Environment {
  PROVIDER: string
}

let applications: ReturnType<typeof webApplications> | undefined

/** Creates the applications at the first request. Before that, a Worker has no bindings, no issuer and no random numbers. */
const entrypoint = (name: keyof ReturnType<typeof webApplications>) => ({
  fetch: (request: Request, { PROVIDER }: Environment): Response | Promise<Response> =>
    (applications ??= webApplications(PROVIDER))[name](request),
})

export const handle = entrypoint('handle')
export const hono = entrypoint('hono')
