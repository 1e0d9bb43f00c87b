import { createHash } from 'node:crypto'

import type { SessionClaims } from '@bcl/core'

import { isLoopback } from './environment.ts'
import { icon, iconUrl, styleSheet } from './look.ts'

export interface Look {
  title: string
  color: string
}

/** The pages of an example. */
export function createPages({ title, color }: Look) {
  const style = styleSheet(color)
  const letter = title.slice(0, 1)
  // Allows only the style and the script of this page. The page loads nothing from other addresses.
  const policy = `default-src 'none'; base-uri 'none'; connect-src 'self'; img-src data:; style-src '${hash(style)}'; script-src '${hash(script)}'`
  const page = (content: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="content-security-policy" content="${policy}" />
    <meta name="viewport" content="width=device-width" />
    <title>${title}</title>
    <link rel="icon" href="${iconUrl(color, letter)}" />
    <style>${style}</style>
  </head>
  <body>
    <main>
      <h1>${icon(color, letter)} ${title}</h1>
      ${content}
    </main>
  </body>
</html>`

  return {
    signedInPage({ iss, sub, sid, iat }: SessionClaims): string {
      const user = escape(sub)
      const since = new Date(iat * 1000)
      return page(`
      <div id="status" class="in" role="status">
        <p id="state">Signed in as <strong>${user}</strong></p>
        <p id="explanation">This page changes by itself when the session ends.</p>
      </div>
      <dl>
        <dt>Since</dt>
        <dd><time datetime="${since.toISOString()}">${since.toUTCString()}</time></dd>
        <dt>Provider</dt>
        <dd>${providerLink(iss)}</dd>
        <dt>Session (<code>sid</code>)</dt>
        <dd><code>${escape(sid ?? 'none')}</code></dd>
      </dl>
      <div id="actions">
        <form method="post" action="/logout"><button>Sign out</button>
          <p>Ends this session only.</p></form>
        <form method="post" action="/logout-everywhere"><button>Sign out everywhere</button>
          <p>Ends your sessions on all devices.</p></form>
      </div>
      <script>${script}</script>`)
    },

    signedOutPage(): string {
      return page(`
      <div id="status" role="status">
        <p id="state">Not signed in</p>
        <p id="explanation">Press “Sign in”. The provider asks who you are, and sends you back to this page.</p>
      </div>
      <div id="actions"><a class="button" href="/login">Sign in</a></div>`)
    },

    signInFailedPage(reason: string): string {
      return page(`
      <div id="status" class="ended" role="alert">
        <p id="state">Signing in did not work</p>
        <p id="explanation">The reason: ${escape(reason)}</p>
      </div>
      <div id="actions"><a class="button" href="/login">Try again</a></div>`)
    },
  }
}

/** Shows the sign-out as soon as the server reports it. */
const script = `
  const element = (id) => document.getElementById(id)
  const since = document.querySelector('time')
  since.textContent = new Date(since.dateTime).toLocaleString()

  function showSignedOut(at) {
    const actions = element('actions')
    const hadFocus = actions.contains(document.activeElement)
    element('status').className = 'ended'
    element('state').textContent = 'Signed out at ' + new Date(at).toLocaleTimeString()
    element('explanation').textContent =
      'The server ended this session. The browser still has its cookie, but the application refuses the cookie from now on.'
    actions.innerHTML = '<a class="button" href="/login">Sign in</a>'
    if (hadFocus) actions.firstChild.focus()
    document.title = 'Signed out · ' + document.title
  }

  function listen() {
    const events = new EventSource('/events')
    events.addEventListener('logged-out', ({ data }) => {
      events.close()
      showSignedOut(JSON.parse(data).at)
    })
    // The server refused the stream. Either the session has ended, or too many streams are open.
    events.addEventListener('error', async () => {
      if (events.readyState !== EventSource.CLOSED) return
      const answer = await fetch('/me').catch(() => undefined)
      if (answer?.status === 401) location.reload()
      else setTimeout(listen, 30_000)
    })
  }
  listen()
`

/**
 * Links to the start page of a provider on this machine. Does not link to another provider, because its issuer is often
 * not the address of a page.
 */
function providerLink(iss: string): string {
  if (!isLoopback(iss)) return escape(iss)
  return `<a href="${escape(new URL('/', iss).href)}" target="_top">${escape(iss)}</a>`
}

function hash(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)
}
