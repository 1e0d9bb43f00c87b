import { AsyncLocalStorage } from 'node:async_hooks'

import { decodeJwt, decodeProtectedHeader } from 'jose'

/** A Logout Token that was sent to a Relying Party, and the answer. */
export interface Delivery {
  at: string
  client_id: string
  uri: string
  logout_token: string
  ms: number
  status?: number
  headers?: Record<string, string>
  body?: string
  error?: string
}

type Fetch = (url: string | URL | Request, init?: RequestInit) => Promise<Response>

const KEPT = 1000

export function createDeliveries() {
  const all: Delivery[] = []
  const gathering = new AsyncLocalStorage<Delivery[]>()

  function record(delivery: Delivery): void {
    all.push(delivery)
    if (all.length > KEPT) all.shift()
    gathering.getStore()?.push(delivery)
  }

  return {
    all: (): readonly Delivery[] => all,

    /** Runs `work`. Returns the deliveries of this work. Leaves out other deliveries that happen at the same time. */
    async during(work: () => Promise<unknown>): Promise<Delivery[]> {
      const made: Delivery[] = []
      await gathering.run(made, work)
      return made
    },

    /** Returns a `fetch` that records each Logout Token that it sends. */
    recording(fetch: Fetch): Fetch {
      return async (url, init) => {
        const logoutToken = init?.body instanceof URLSearchParams ? init.body.get('logout_token') : null
        if (logoutToken === null) return fetch(url, init)

        const at = new Date().toISOString()
        const started = performance.now()
        const took = () => Math.round((performance.now() - started) * 10) / 10
        const sent = { at, client_id: audience(logoutToken), uri: String(url), logout_token: logoutToken }
        try {
          const response = await fetch(url, init)
          const ms = took()
          record({
            ...sent,
            ms,
            status: response.status,
            headers: Object.fromEntries(response.headers),
            body: await response.clone().text(),
          })
          return response
        } catch (error) {
          record({ ...sent, ms: took(), error: reason(error) })
          throw error
        }
      }
    },
  }
}

export type Deliveries = ReturnType<typeof createDeliveries>

/** Returns the `aud` of a Logout Token. In an encrypted token, oidc-provider repeats `aud` in the header. */
function audience(logoutToken: string): string {
  const { aud } = decodeProtectedHeader(logoutToken) as { aud?: unknown }
  return String(aud ?? decodeJwt(logoutToken).aud)
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
