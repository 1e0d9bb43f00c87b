'use client'

import { useEffect, useState } from 'react'

interface Props {
  iss: string
  sub: string
  sid: string
  iat: number
  providerPage: string | undefined
}

interface Ended {
  at: string
  /** True if a button had the focus. Then the link that replaces the button gets the focus. */
  hadFocus: boolean
}

/** The state and the buttons of a session. Shows the sign-out as soon as the session ends. */
export function SignedIn({ iss, sub, sid, iat, providerPage }: Props) {
  const [ended, setEnded] = useState<Ended>()
  useEffect(
    () =>
      listen((at) => {
        setEnded({ at, hadFocus: Boolean(document.activeElement?.closest('#actions')) })
        document.title = `Signed out · ${document.title}`
      }),
    [],
  )
  return (
    <>
      <div id="status" className={ended ? 'ended' : 'in'} role="status">
        {ended ? <SignedOutState {...ended} /> : <SignedInState sub={sub} />}
      </div>
      <dl>
        <dt>Since</dt>
        <dd>
          <Since date={new Date(iat * 1000)} />
        </dd>
        <dt>Provider</dt>
        <dd>
          {providerPage === undefined ? (
            iss
          ) : (
            <a href={providerPage} target="_top">
              {iss}
            </a>
          )}
        </dd>
        <dt>
          Session (<code>sid</code>)
        </dt>
        <dd>
          <code>{sid}</code>
        </dd>
      </dl>
      <Actions ended={ended} />
    </>
  )
}

function SignedInState({ sub }: { sub: string }) {
  return (
    <>
      <p id="state">
        Signed in as <strong>{sub}</strong>
      </p>
      <p id="explanation">This page changes by itself when the session ends.</p>
    </>
  )
}

function SignedOutState({ at }: Ended) {
  return (
    <>
      <p id="state">Signed out at {new Date(at).toLocaleTimeString()}</p>
      <p id="explanation">
        The server ended this session. The browser still has its cookie, but the application refuses the cookie from now
        on.
      </p>
    </>
  )
}

/** The server does not know the language and the time zone of the browser. So the browser writes the time again. */
function Since({ date }: { date: Date }) {
  const [text, setText] = useState(date.toUTCString())
  useEffect(() => setText(date.toLocaleString()), [])
  return <time dateTime={date.toISOString()}>{text}</time>
}

function Actions({ ended }: { ended: Ended | undefined }) {
  if (ended) {
    return (
      <div id="actions">
        <a className="button" href="/login" ref={(link) => (ended.hadFocus ? link?.focus() : undefined)}>
          Sign in
        </a>
      </div>
    )
  }
  return (
    <div id="actions">
      <form method="post" action="/logout">
        <button>Sign out</button>
        <p>Ends this session only.</p>
      </form>
      <form method="post" action="/logout-everywhere">
        <button>Sign out everywhere</button>
        <p>Ends your sessions on all devices.</p>
      </form>
    </div>
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
