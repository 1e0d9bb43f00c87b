import type { FastifyRequest } from 'fastify'

/**
 * A hook that refuses forms from pages of other sites. Browsers send `Origin` or `Sec-Fetch-Site` with every POST. A request with
 * neither header did not come from a browser, so it cannot be a cross-site request.
 */
export function fromOwnPages(origin: string) {
  return async ({ headers, method }: FastifyRequest): Promise<void> => {
    const { 'sec-fetch-site': site, origin: from } = headers
    const own = site === undefined ? [undefined, origin].includes(from) : site === 'same-origin'
    if (own || ['GET', 'HEAD', 'OPTIONS'].includes(method)) return
    throw Object.assign(new Error('Forbidden'), { statusCode: 403 })
  }
}
