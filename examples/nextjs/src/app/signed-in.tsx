'use client'

import { useEffect, useState } from 'react'

/** Turns to signed out by itself when the session ends. */
export function SignedIn({ iss, sub, sid }: { iss: string; sub: string; sid: string }) {
  const [endedAt, setEndedAt] = useState<string>()
  useEffect(() => listen(setEndedAt), [])
  return (
    <>
      {endedAt === undefined ? (
        <p id="state" className="in">
          Signed in as <strong>{sub}</strong>
        </p>
      ) : (
        <p id="state" className="ended">
          Signed out at {new Date(endedAt).toLocaleTimeString()}
        </p>
      )}
      <dl>
        <dt>
          <code>sid</code>
        </dt>
        <dd>
          <code>{sid}</code>
        </dd>
        <dt>provider</dt>
        <dd>{iss}</dd>
      </dl>
      <div id="actions">
        {endedAt === undefined ? (
          <>
            <form method="post" action="/logout">
              <button>Sign out</button>
            </form>
            <form method="post" action="/logout-everywhere">
              <button>Sign out everywhere</button>
            </form>
          </>
        ) : (
          <a className="button" href="/login">
            Sign in
          </a>
        )}
      </div>
    </>
  )
}

/** Returns the function that stops listening. */
function listen(onEnd: (at: string) => void): () => void {
  let events: EventSource
  let retry: ReturnType<typeof setTimeout> | undefined

  function open(): void {
    events = new EventSource('/events')
    events.addEventListener('logged-out', ({ data }) => {
      events.close()
      onEnd((JSON.parse(data) as { at: string }).at)
    })
    // The server refused the stream. Either the session has ended, or too many streams are open.
    events.addEventListener('error', async () => {
      if (events.readyState !== EventSource.CLOSED) return
      const answer = await fetch('/me').catch(() => undefined)
      if (answer?.status === 401) location.reload()
      else retry = setTimeout(open, 30_000)
    })
  }

  open()
  return () => {
    clearTimeout(retry)
    events.close()
  }
}
