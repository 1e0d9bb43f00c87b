import { headers } from 'next/headers'

import { activeSession } from '../session.ts'
import { SignedIn } from './signed-in.tsx'

export default async function Page() {
  const session = await activeSession(await headers())
  if (session) {
    const { iss, sub, sid } = session.claims
    return <SignedIn iss={iss} sub={sub} sid={sid ?? 'none'} />
  }
  return (
    <>
      <p id="state">Not signed in</p>
      <a className="button" href="/login">
        Sign in
      </a>
    </>
  )
}
