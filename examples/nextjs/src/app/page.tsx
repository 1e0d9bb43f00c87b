import { headers } from 'next/headers'

import { activeSession } from '../session.ts'
import { isLoopback } from '../shared/environment.ts'
import { SignedIn } from './signed-in.tsx'

export default async function Page() {
  const session = await activeSession(await headers())
  if (session) {
    const { iss, sub, sid, iat } = session.claims
    // Links only to a provider on this machine, because such a provider has a start page. The issuer of another
    // provider is often not the address of a page.
    const providerPage = isLoopback(iss) ? new URL('/', iss).href : undefined
    return <SignedIn iss={iss} sub={sub} sid={sid ?? 'none'} iat={iat} providerPage={providerPage} />
  }
  return (
    <>
      <div id="status" role="status">
        <p id="state">Not signed in</p>
        <p id="explanation">Press “Sign in”. The provider asks who you are, and sends you back to this page.</p>
      </div>
      <div id="actions">
        <a className="button" href="/login">
          Sign in
        </a>
      </div>
    </>
  )
}
