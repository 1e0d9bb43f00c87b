import { createBrowser } from './browser.ts'
import type { App } from './stack.ts'

export interface Me {
  status: number
  body: { iss?: string; sub?: string; sid?: string | null; iat?: number; error?: string }
}

export type Device = ReturnType<typeof createDevice>

/** A device with a browser that uses the applications of a stack. */
export function createDevice(name: string, browser = createBrowser()) {
  return {
    name,
    browser,

    async signIn(app: App, user: string): Promise<void> {
      const page = await browser.get(`${app.url}/login?login_hint=${encodeURIComponent(user)}`)
      if (page.status !== 200 || page.url !== `${app.url}/`) {
        throw new Error(`${user} could not sign in to ${app.clientId} on the ${name}: ${page.status} at ${page.url}`)
      }
    },

    /** RP-initiated logout: signs out at the application, and then at the provider. */
    signOut: (app: App) => browser.post(`${app.url}/logout`),

    /** Requests `/me` with a copy of the cookies, because the answer could clear the cookie of the device. */
    async me(app: App): Promise<Me> {
      const response = await browser.copy().fetch(`${app.url}/me`)
      const text = await response.text()
      return { status: response.status, body: isJson(response) ? JSON.parse(text) : { error: text } }
    },
  }
}

function isJson(response: Response): boolean {
  return response.headers.get('content-type')?.startsWith('application/json') ?? false
}
