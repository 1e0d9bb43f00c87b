import type { RequestHandler } from 'express'

/**
 * Refuses forms from pages of other sites. Browsers send `Origin` or `Sec-Fetch-Site` with every POST. A request with neither
 * header did not come from a browser, so it cannot be a cross-site request.
 */
export function fromOwnPages(origin: string): RequestHandler {
  return (request, response, next) => {
    const { 'sec-fetch-site': site, origin: from } = request.headers
    const own = site === undefined ? [undefined, origin].includes(from) : site === 'same-origin'
    if (own || ['GET', 'HEAD', 'OPTIONS'].includes(request.method)) next()
    else response.sendStatus(403)
  }
}
