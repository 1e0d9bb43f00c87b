import type { SessionClaims } from '@bcl/core'

export interface Look {
  title: string
  /** Of the line under the title. */
  color: string
}

/** The pages of an example. */
export function createPages({ title, color }: Look) {
  const page = (content: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width" />
    <title>${title}</title>
    <style>
      :root {
        color-scheme: light dark;
      }
      body {
        font: 16px/1.5 system-ui, sans-serif;
        max-width: 24rem;
        margin: 2rem auto;
        padding: 0 1rem;
      }
      h1 {
        font-size: 1rem;
        border-bottom: 3px solid ${color};
        padding-bottom: 0.4rem;
      }
      #state {
        font-size: 1.3rem;
        margin: 1.2rem 0;
      }
      #state::before {
        content: '';
        display: inline-block;
        width: 0.7em;
        height: 0.7em;
        margin-right: 0.4em;
        border-radius: 50%;
        background: #8888;
      }
      #state.in::before {
        background: #2a9d4f;
      }
      #state.ended::before {
        background: #d33c3c;
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 0.2rem 1rem;
        font-size: 0.9rem;
      }
      dt {
        opacity: 0.65;
      }
      dd {
        margin: 0;
        word-break: break-all;
      }
      #actions {
        display: flex;
        gap: 0.6rem;
      }
      button,
      .button {
        display: inline-block;
        font: inherit;
        color: inherit;
        text-decoration: none;
        background: none;
        border: 1px solid #8888;
        border-radius: 0.4rem;
        padding: 0.3rem 1rem;
        cursor: pointer;
      }
    </style>
  </head>
  <body>
    <h1>${title}</h1>
    ${content}
  </body>
</html>`

  return {
    signedInPage({ iss, sub, sid }: SessionClaims): string {
      return page(`
    <p id="state" class="in">Signed in as <strong>${escape(sub)}</strong></p>
    <dl>
      <dt><code>sid</code></dt>
      <dd><code>${escape(sid ?? 'none')}</code></dd>
      <dt>provider</dt>
      <dd>${escape(iss)}</dd>
    </dl>
    <div id="actions">
      <form method="post" action="/logout"><button>Sign out</button></form>
      <form method="post" action="/logout-everywhere"><button>Sign out everywhere</button></form>
    </div>
    <script>
      let events
      function listen() {
        events = new EventSource('/events')
        events.addEventListener('logged-out', ({ data }) => {
          events.close()
          const state = document.getElementById('state')
          state.textContent = 'Signed out at ' + new Date(JSON.parse(data).at).toLocaleTimeString()
          state.className = 'ended'
          document.getElementById('actions').innerHTML = '<a class="button" href="/login">Sign in</a>'
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
    </script>`)
    },

    signedOutPage(): string {
      return page(`
    <p id="state">Not signed in</p>
    <a class="button" href="/login">Sign in</a>`)
    },

    signInFailedPage(reason: string): string {
      return page(`
    <p id="state">Signing in did not work</p>
    <p>The reason: ${escape(reason)}</p>
    <a class="button" href="/login">Try again</a>`)
    },
  }
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)
}
