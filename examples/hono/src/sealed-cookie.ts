import { hkdfSync } from 'node:crypto'

import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { CookieOptions } from 'hono/utils/cookie'
import { EncryptJWT, type JWTPayload, jwtDecrypt } from 'jose'

export interface SealedCookieOptions {
  secret: string
  /** Whether the site is served over https. */
  secure: boolean
  /** Seconds. */
  maxAge: number
}

/** A cookie that only this application can read and create. It is invalid after `maxAge`. */
export function createSealedCookie<T extends object>(name: string, options: SealedCookieOptions) {
  // The key depends on the name, so the value of one cookie is not valid in another cookie.
  const key = new Uint8Array(hkdfSync('sha256', options.secret, '', name, 32))
  const attributes: CookieOptions = { path: '/', httpOnly: true, sameSite: 'Lax', secure: options.secure }

  return {
    seal(value: T): Promise<string> {
      return new EncryptJWT({ value } as JWTPayload)
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .setExpirationTime(`${options.maxAge}s`)
        .encrypt(key)
    },

    write(c: Context, sealed: string): void {
      setCookie(c, name, sealed, { ...attributes, maxAge: options.maxAge })
    },

    async read(c: Context): Promise<T | undefined> {
      const sealed = getCookie(c, name)
      if (sealed === undefined) return undefined
      try {
        const { payload } = await jwtDecrypt(sealed, key, {
          keyManagementAlgorithms: ['dir'],
          contentEncryptionAlgorithms: ['A256GCM'],
        })
        return payload['value'] as T
      } catch {
        return undefined
      }
    },

    clear(c: Context): void {
      deleteCookie(c, name, attributes)
    },
  }
}
