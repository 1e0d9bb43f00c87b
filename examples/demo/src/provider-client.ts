/** A Logout Token that the provider sent, and the answer of the application. */
export interface Delivery {
  client_id: string
  logout_token: string
  ms: number
  status?: number
  headers?: Record<string, string>
  body?: string
  error?: string
}

export interface ProviderSession {
  uid: string
  sub: string
  clients: { client_id: string; sid?: string }[]
}

export type ProviderClient = ReturnType<typeof createProviderClient>

/** The actions of an administrator at the example provider. */
export function createProviderClient(url: string) {
  async function ask<T>(method: 'GET' | 'POST', path: string): Promise<T> {
    const response = await fetch(url + path, { method, headers: { accept: 'application/json' } })
    if (!response.ok) throw new Error(`${method} ${path} at the provider answered ${response.status}`)
    return (await response.json()) as T
  }

  const sessionsOf = async (sub: string) =>
    (await ask<ProviderSession[]>('GET', '/api/sessions')).filter((session) => session.sub === sub)

  return {
    url,
    sessionsOf,
    deliveries: () => ask<Delivery[]>('GET', '/api/deliveries'),
    endSession: (uid: string) => ask<Delivery[]>('POST', `/sessions/${encodeURIComponent(uid)}/end`),
    endSessionsOf: (sub: string) => ask<Delivery[]>('POST', `/users/${encodeURIComponent(sub)}/end-sessions`),
  }
}
