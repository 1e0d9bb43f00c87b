import type { Middleware } from 'koa'

/**
 * Refuses forms from pages of other sites. Browsers send `Origin` or `Sec-Fetch-Site` with every POST. A request with neither
 * header did not come from a browser, so it cannot be a cross-site request.
 */
export function fromOwnPages(origin: string): Middleware {
  return (ctx, next) => {
    const { 'sec-fetch-site': site, origin: from } = ctx.headers
    const own = site === undefined ? [undefined, origin].includes(from) : site === 'same-origin'
    if (!own && !['GET', 'HEAD', 'OPTIONS'].includes(ctx.method)) ctx.throw(403)
    return next()
  }
}
