import type { Context } from 'koa'

export interface SignedCookieOptions {
  /** True if the site uses https. */
  secure: boolean
  /** Seconds. */
  maxAge: number
}

/** A cookie that only this application can create. */
export function createSignedCookie<T extends object>(name: string, { secure, maxAge }: SignedCookieOptions) {
  const attributes = { signed: true, path: '/', httpOnly: true, sameSite: 'lax', secure } as const

  return {
    write(ctx: Pick<Context, 'cookies'>, value: T): void {
      const text = Buffer.from(JSON.stringify(value)).toString('base64url')
      ctx.cookies.set(name, text, { ...attributes, maxAge: maxAge * 1000 })
    },

    read(ctx: Pick<Context, 'cookies'>): T | undefined {
      const text = ctx.cookies.get(name, { signed: true })
      return text ? (JSON.parse(Buffer.from(text, 'base64url').toString()) as T) : undefined
    },

    clear(ctx: Pick<Context, 'cookies'>): void {
      ctx.cookies.set(name, null, attributes)
    },
  }
}
