import type { LogoutEvent } from '@bcl/core'
import { OnLogout } from '@bcl/nestjs'
import { Injectable } from '@nestjs/common'

/** Logs each logout, for a later audit. */
@Injectable()
export class SignOutLog {
  @OnLogout()
  record({ source, sub, sid, sessionIds, jti }: LogoutEvent): void {
    const what = sid === undefined ? 'every session' : `session ${sid}`
    const who = source === 'application' ? 'The user' : 'The provider'
    const token = jti === undefined ? '' : ` (${jti})`
    console.log(`${who} ended ${what} of ${sub ?? 'its user'}, ${sessionIds.length} here${token}`)
  }
}
