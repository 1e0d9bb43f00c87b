/** The part of a session of Auth0's libraries that this store reads. */
interface Session {
  user?: { sub?: string } | undefined
  internal: { sid?: string }
}

/**
 * A session store in memory. A logout with a `sid` deletes that session, and the sessions of the user that have no `sid`. A logout
 * without a `sid` deletes all sessions of the user.
 */
export class SessionStore<T extends Session> {
  readonly #sessions = new Map<string, T>()

  async get(id: string): Promise<T | undefined> {
    return this.#sessions.get(id)
  }

  async set(id: string, session: T): Promise<void> {
    this.#sessions.set(id, session)
  }

  async delete(id: string): Promise<void> {
    this.#sessions.delete(id)
  }

  async deleteByLogoutToken({ sid, sub }: { sid?: string; sub?: string }): Promise<void> {
    for (const [id, { user, internal }] of this.#sessions) {
      const isOfUser = sub !== undefined && user?.sub === sub
      const isMeant = sid === undefined || internal.sid === undefined ? isOfUser : internal.sid === sid
      if (isMeant) this.#sessions.delete(id)
    }
  }
}
