import { webApplications } from './web.ts'

interface Environment {
  PROVIDER: string
}

let applications: ReturnType<typeof webApplications> | undefined

/** Made at the first request: the issuer is a binding here, and a module's scope is too early for random numbers. */
const entrypoint = (name: keyof ReturnType<typeof webApplications>) => ({
  fetch: (request: Request, { PROVIDER }: Environment): Response | Promise<Response> =>
    (applications ??= webApplications(PROVIDER))[name](request),
})

export const handle = entrypoint('handle')
export const hono = entrypoint('hono')
