import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Entry {
  payload: AdapterPayload
  expiresAt: number
}

/**
 * Stores the data of oidc-provider in memory, and can list the sessions. The in-memory adapter of oidc-provider cannot
 * list them.
 */
export function createStorage() {
  const models = new Map<string, Map<string, Entry>>()

  function entriesOf(model: string): Map<string, Entry> {
    const entries = models.get(model) ?? new Map<string, Entry>()
    models.set(model, entries)
    return entries
  }

  function sweep(): void {
    for (const entries of models.values()) {
      for (const [id, entry] of entries) if (hasExpired(entry)) entries.delete(id)
    }
  }

  setInterval(sweep, 60_000).unref()

  return {
    adapter: (model: string) => createAdapter(entriesOf(model)),
    sessions: () => live(entriesOf('Session')),
  }
}

export type Storage = ReturnType<typeof createStorage>

function createAdapter(entries: Map<string, Entry>): Adapter {
  const findWhere = (matches: (payload: AdapterPayload) => boolean) => live(entries).find(matches)

  return {
    async upsert(id, payload, expiresIn) {
      entries.set(id, { payload, expiresAt: expiresIn ? Date.now() + expiresIn * 1000 : Infinity })
    },
    async find(id) {
      const entry = entries.get(id)
      return entry && !hasExpired(entry) ? entry.payload : undefined
    },
    async findByUid(uid) {
      return findWhere((payload) => payload.uid === uid)
    },
    async findByUserCode(userCode) {
      return findWhere((payload) => payload.userCode === userCode)
    },
    async consume(id) {
      const entry = entries.get(id)
      if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000)
    },
    async destroy(id) {
      entries.delete(id)
    },
    async revokeByGrantId(grantId) {
      for (const [id, { payload }] of entries) if (payload.grantId === grantId) entries.delete(id)
    },
  }
}

function live(entries: Map<string, Entry>): AdapterPayload[] {
  return [...entries.values()].filter((entry) => !hasExpired(entry)).map((entry) => entry.payload)
}

function hasExpired(entry: Entry): boolean {
  return entry.expiresAt <= Date.now()
}
