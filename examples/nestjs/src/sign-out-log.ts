import type { LogoutEvent } from '@bcl/core'
import { OnLogout } from '@bcl/nestjs'
import { Injectable } from '@nestjs/common'

/** What an audit asks for later. */
@Injectable()
export class SignOutLog {
  @OnLogout()
  record({ sub, sid, sessionIds, jti }: LogoutEvent): void {
    const what = sid === undefined ? 'every session' : `session ${sid}`
    console.log(`The provider ended ${what} of ${sub ?? 'its user'}, ${sessionIds.length} here (${jti})`)
  }
}
