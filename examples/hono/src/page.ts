import type { SessionClaims } from '@bcl/core'
import { html } from 'hono/html'

type Html = ReturnType<typeof html>

export function signedInPage({ iss, sub, sid }: SessionClaims): Html {
  return page(
    html`<p id="state" class="in">Signed in as <strong>${sub}</strong></p>
      <dl>
        <dt><code>sid</code></dt>
        <dd><code>${sid ?? 'none'}</code></dd>
        <dt>provider</dt>
        <dd>${iss}</dd>
      </dl>
      <form method="post" action="/logout"><button>Sign out</button></form>
      <script>
        const events = new EventSource('/events')
        events.addEventListener('logged-out', ({ data }) => {
          events.close()
          const state = document.getElementById('state')
          state.textContent =
            'Signed out at ' + new Date(JSON.parse(data).at).toLocaleTimeString() + ', by the provider'
          state.className = 'ended'
          document.querySelector('form').outerHTML = '<a class="button" href="/login">Sign in</a>'
        })
        // Refused, and not just interrupted: the session ended before this page could ask.
        events.addEventListener('error', () => {
          if (events.readyState === EventSource.CLOSED) location.reload()
        })
      </script>`,
  )
}

export function signedOutPage(): Html {
  return page(
    html`<p id="state">Not signed in</p>
      <a class="button" href="/login">Sign in</a>`,
  )
}

export function signInFailedPage(reason: string): Html {
  return page(
    html`<p id="state">Signing in did not work</p>
      <p>The reason: ${reason}</p>
      <a class="button" href="/login">Try again</a>`,
  )
}

function page(content: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>Hono example</title>
        <style>
          :root {
            color-scheme: light dark;
          }
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            max-width: 24rem;
            margin: 2rem auto;
            padding: 0 1rem;
          }
          h1 {
            font-size: 1rem;
            border-bottom: 3px solid #ff5b11;
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
        <h1>Hono example</h1>
        ${content}
      </body>
    </html>`
}
