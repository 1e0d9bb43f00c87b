import { hkdfSync } from 'node:crypto'

import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { CookieOptions } from 'hono/utils/cookie'
import { sealData, unsealData } from 'iron-session'

export interface SealedCookieOptions {
  secret: string
  /** True if the site uses https. */
  secure: boolean
  /** Seconds. */
  maxAge: number
}

/** A cookie that only this application can read and create. It is invalid after `maxAge`. */
export function createSealedCookie<T extends object>(name: string, { secret, secure, maxAge }: SealedCookieOptions) {
  // The password depends on the name, so the value of one cookie is not valid in another cookie.
  const password = Buffer.from(hkdfSync('sha256', secret, '', name, 32)).toString('base64url')
  const attributes: CookieOptions = { path: '/', httpOnly: true, sameSite: 'Lax', secure }

  return {
    seal: (value: T): Promise<string> => sealData(value, { password, ttl: maxAge }),

    write(c: Context, sealed: string): void {
      setCookie(c, name, sealed, { ...attributes, maxAge })
    },

    async read(c: Context): Promise<T | undefined> {
      const sealed = getCookie(c, name)
      if (sealed === undefined) return undefined
      try {
        const value = await unsealData<Partial<T>>(sealed, { password, ttl: maxAge })
        return Object.keys(value).length > 0 ? (value as T) : undefined
      } catch {
        // If another program made the value, iron-session returns {} or throws.
        return undefined
      }
    },

    clear(c: Context): void {
      deleteCookie(c, name, attributes)
    },
  }
}
