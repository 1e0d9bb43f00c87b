import type { ClientAuthorizationState, Provider } from 'oidc-provider'

import type { Deliveries, Delivery } from './deliveries.ts'
import type { Storage } from './storage.ts'

export interface SessionInfo {
  uid: string
  sub: string
  login_ts: number
  clients: { client_id: string; sid?: string }[]
}

/** Members of a client that the types of oidc-provider leave out. */
interface LogoutClient {
  backchannelLogoutUri?: string
  backchannelLogout(sub: string, sid: string | undefined): Promise<void>
}

/** Lists and ends the sessions at the provider. */
export function createSessions(provider: Provider, storage: Storage, deliveries: Deliveries) {
  function list(): SessionInfo[] {
    return storage
      .sessions()
      .filter((session) => session.accountId !== undefined)
      .map((session) => ({
        uid: session.uid!,
        sub: session.accountId!,
        login_ts: session.loginTs!,
        clients: Object.entries(session.authorizations ?? {}).map(([client_id, { sid }]) => ({
          client_id,
          ...(sid !== undefined && { sid }),
        })),
      }))
      .toSorted((a, b) => a.sub.localeCompare(b.sub) || a.login_ts - b.login_ts)
  }

  /** Ends a session, and sends a Logout Token to each client in it. Returns `undefined` if there is no such session. */
  async function end(uid: string): Promise<Delivery[] | undefined> {
    const session = await provider.Session.findByUid(uid)
    if (session?.accountId === undefined) return undefined
    const sub = session.accountId
    const authorizations = Object.entries(session.authorizations ?? {})

    // Ends the session first, so no client can sign in with this session while the Logout Tokens are sent.
    await session.destroy()
    await Promise.all(authorizations.map(([, authorization]) => revoke(authorization)))
    return deliveries.during(() =>
      Promise.allSettled(authorizations.map(([clientId, { sid }]) => tell(clientId, sub, sid))),
    )
  }

  async function endAll(sub: string): Promise<Delivery[]> {
    const ended = list().filter((session) => session.sub === sub)
    return (await Promise.all(ended.map(({ uid }) => end(uid)))).flatMap((made) => made ?? [])
  }

  /**
   * Revokes a grant, as oidc-provider's own `end_session` does. A grant with offline access is not revoked.
   */
  async function revoke({ grantId, persistsLogout }: ClientAuthorizationState): Promise<void> {
    if (grantId === undefined || persistsLogout) return
    await Promise.all([
      provider.AuthorizationCode.revokeByGrantId(grantId),
      provider.AccessToken.revokeByGrantId(grantId),
      provider.RefreshToken.revokeByGrantId(grantId),
      provider.Grant.adapter.destroy(grantId),
    ])
  }

  /** Sends `sub` and `sid`. A client without `backchannel_logout_session_required` gets only `sub`. */
  async function tell(clientId: string, sub: string, sid: string | undefined): Promise<void> {
    const client = (await provider.Client.find(clientId)) as LogoutClient | undefined
    if (client?.backchannelLogoutUri) await client.backchannelLogout(sub, sid)
  }

  return { list, end, endAll }
}
