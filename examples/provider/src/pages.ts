import { html, raw } from 'hono/html'
import type { ClientMetadata } from 'oidc-provider'

import { accounts } from './accounts.ts'
import type { Delivery } from './deliveries.ts'
import type { SessionInfo } from './sessions.ts'

type Html = ReturnType<typeof html>

export function loginPage(uid: string, clientId: string): Html {
  return page(
    'Sign in',
    html`<p>to <strong>${clientId}</strong>, as</p>
      <form method="post" action="/interaction/${encodeURIComponent(uid)}">
        ${[...accounts].map(([sub, name]) => html`<p><button name="account" value="${sub}">${name}</button></p>`)}
      </form>`,
  )
}

export function sessionsPage(
  sessions: readonly SessionInfo[],
  deliveries: readonly Delivery[],
  clients: readonly ClientMetadata[],
): Html {
  const users = Map.groupBy(sessions, ({ sub }) => sub)
  return page(
    'Sessions',
    html`<p>Applications: ${clients.map(applicationLink)}</p>
      ${users.size === 0 ? html`<p>Nobody is signed in.</p>` : [...users].map(userSection)}
      <h2>Logout Tokens sent</h2>
      ${deliveries.length === 0 ? html`<p>None yet.</p>` : deliveriesTable(deliveries)}`,
  )
}

/** `form` is oidc-provider's own, with its token against forged requests. */
export function confirmLogoutPage(form: string, confirmed: boolean): Html {
  if (!confirmed) {
    return page(
      'Sign out?',
      html`${raw(form)}
        <p><button form="op.logoutForm" name="logout" value="yes">Sign out</button></p>
        <p><button form="op.logoutForm">Stay signed in</button></p>`,
    )
  }
  return page(
    'Signing out',
    html`${raw(form.replace('</form>', '<input type="hidden" name="logout" value="yes"/></form>'))}
      <noscript><button form="op.logoutForm">Continue</button></noscript>
      <script>
        document.forms[0].submit()
      </script>`,
  )
}

export function loggedOutPage(): Html {
  return page('Signed out', html`<p>You are signed out at the provider.</p>`)
}

export function errorPage(error: string, description: string | undefined): Html {
  return page(
    'That did not work',
    html`<p>${description ?? ''}</p>
      <p><code>${error}</code></p>`,
  )
}

function applicationLink({ client_id, redirect_uris = [] }: ClientMetadata): Html {
  const [uri] = redirect_uris
  return html`<a href="${uri === undefined ? '' : new URL('/', uri).href}">${client_id}</a> `
}

function userSection([sub, sessions]: [string, SessionInfo[]]): Html {
  return html`<h2>${accounts.get(sub) ?? sub}</h2>
    <table>
      <tr>
        <th>Signed in</th>
        <th>Applications</th>
        <th></th>
      </tr>
      ${sessions.map(sessionRow)}
    </table>
    ${postButton(`/users/${encodeURIComponent(sub)}/end-sessions`, `End all sessions of ${accounts.get(sub) ?? sub}`)}`
}

function sessionRow({ uid, login_ts, clients }: SessionInfo): Html {
  return html`<tr>
    <td>${time(new Date(login_ts * 1000).toISOString())}</td>
    <td>${clients.map(({ client_id, sid }) => html`${client_id} <small>sid ${sid ?? 'none'}</small><br />`)}</td>
    <td>${postButton(`/sessions/${encodeURIComponent(uid)}/end`, 'End')}</td>
  </tr>`
}

function deliveriesTable(deliveries: readonly Delivery[]): Html {
  return html`<table>
    <tr>
      <th>Sent</th>
      <th>Application</th>
      <th>Answer</th>
      <th>Took</th>
    </tr>
    ${deliveries
      .slice(-20)
      .toReversed()
      .map(
        ({ at, client_id, status, error, ms }) =>
          html`<tr>
            <td>${time(at)}</td>
            <td>${client_id}</td>
            <td>${status ?? error}</td>
            <td>${ms} ms</td>
          </tr>`,
      )}
  </table>`
}

function postButton(action: string, label: string): Html {
  return html`<form method="post" action="${action}"><button>${label}</button></form>`
}

function time(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`
}

function page(title: string, content: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} · Example provider</title>
        <style>
          :root {
            color-scheme: light dark;
          }
          body {
            font:
              16px/1.5 system-ui,
              sans-serif;
            max-width: 46rem;
            margin: 2rem auto;
            padding: 0 1rem;
          }
          table {
            width: 100%;
            border-collapse: collapse;
          }
          th,
          td {
            text-align: left;
            padding: 0.3rem 0.6rem 0.3rem 0;
            border-bottom: 1px solid #8884;
          }
          button {
            font: inherit;
            padding: 0.2rem 0.9rem;
          }
          table + form {
            margin-top: 0.8rem;
          }
          small {
            opacity: 0.6;
            overflow-wrap: anywhere;
          }
          time {
            white-space: nowrap;
          }
        </style>
      </head>
      <body>
        <h1>${title}</h1>
        ${content}
      </body>
    </html>`
}
