import type { Request, Response } from 'express'

export interface SignedCookieOptions {
  /** True if the site uses https. */
  secure: boolean
  /** Seconds. */
  maxAge: number
}

/** A cookie that only this application can create. `cookie-parser` has the secret. */
export function createSignedCookie<T extends object>(name: string, { secure, maxAge }: SignedCookieOptions) {
  const attributes = { signed: true, path: '/', httpOnly: true, sameSite: 'lax', secure } as const

  return {
    write(response: Response, value: T): void {
      response.cookie(name, value, { ...attributes, maxAge: maxAge * 1000 })
    },

    read(request: Request): T | undefined {
      const value: unknown = request.signedCookies[name]
      return typeof value === 'object' && value !== null ? (value as T) : undefined
    },

    clear(response: Response): void {
      response.clearCookie(name, { path: '/' })
    },
  }
}
