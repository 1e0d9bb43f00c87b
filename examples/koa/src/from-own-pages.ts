import type { Middleware } from 'koa'

/**
 * Refuses forms that another site's page sent. Browsers name the origin of each POST; what names none is no browser, and
 * holds no cookie that it was not given.
 */
export function fromOwnPages(origin: string): Middleware {
  return (ctx, next) => {
    const { 'sec-fetch-site': site, origin: from } = ctx.headers
    const own = site === undefined ? [undefined, origin].includes(from) : site === 'same-origin'
    if (!own && !['GET', 'HEAD', 'OPTIONS'].includes(ctx.method)) ctx.throw(403)
    return next()
  }
}
