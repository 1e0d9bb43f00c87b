import { html } from 'hono/html'
import type { ClientMetadata } from 'oidc-provider'

import type { Delivery } from './deliveries.ts'
import { type LastAction, nameOf, names, whatHappened } from './last-action.ts'
import { type Html, page, time } from './layout.ts'
import type { SecurityEvents } from './security-events.ts'
import type { SessionInfo } from './sessions.ts'
import { tokensSent } from './tokens-sent.ts'

export interface SessionsPage {
  sessions: readonly SessionInfo[]
  deliveries: readonly Delivery[]
  clients: readonly ClientMetadata[]
  events: Pick<SecurityEvents, 'all' | 'receivers' | 'others'>
  lastAction: LastAction | undefined
  /** The address of the demo, if the demo started the provider. */
  demoUrl: string | undefined
}

export function sessionsPage({ sessions, deliveries, clients, events, lastAction, demoUrl }: SessionsPage): Html {
  // After a later sign-in, the sentence about the last action is no longer shown.
  const isLatest = lastAction && sessions.every(({ uid }) => lastAction.left.has(uid))
  const users = [...Map.groupBy(sessions, ({ sub }) => sub)]
  const logoutTokens = deliveries.map((delivery) => ({ ...delivery, token: delivery.logout_token }))
  return page(
    'Sessions',
    html`<nav aria-label="Applications">
        ${demoUrl && html`<a href="${demoUrl}">Demo</a>`} <span>Applications:</span> ${clients.map(applicationLink)}
      </nav>
      ${isLatest ? whatHappened(lastAction) : ''}
      ${users.length === 0 ? html`<p>Nobody is signed in.</p>` : users.map((user) => userSection(user, events))}
      ${tokensSent('Logout Tokens sent', logoutTokens)}
      ${events.receivers.length > 0 ? tokensSent('Security events sent', events.all()) : ''}`,
    { script, isWide: true },
  )
}

function applicationLink({ client_id, redirect_uris = [] }: ClientMetadata): Html {
  const [uri] = redirect_uris
  return html`<a href="${uri === undefined ? '' : new URL('/', uri).href}">${client_id}</a> `
}

function userSection(
  [sub, sessions]: [string, SessionInfo[]],
  { receivers, others }: Pick<SecurityEvents, 'receivers' | 'others'>,
): Html {
  const name = nameOf(sub)
  const path = `/users/${encodeURIComponent(sub)}`
  return html`<section>
    <h2>${name}</h2>
    ${sessions.map(sessionRow)}
    <div class="buttons">
      ${postButton(`${path}/end-sessions`, `End all sessions of ${name}`)}
      ${receivers.length > 0 ? postButton(`${path}/account-disabled`, 'Account disabled') : ''}
    </div>
    ${
      receivers.length > 0
        ? html`<p class="note">
            “Account disabled” sends a security event to ${names(receivers)}.
            ${others.length > 0 ? `${names(others)} ${others.length === 1 ? 'takes' : 'take'} no security events, so sessions there do not end.` : ''}
          </p>`
        : ''
    }
  </section>`
}

function sessionRow({ uid, login_ts, clients }: SessionInfo): Html {
  return html`<div class="session">
    <div>
      <p>Signed in since ${time(new Date(login_ts * 1000))}</p>
      <ul>
        ${clients.map(({ client_id, sid }) => html`<li>${client_id} <small class="sid" title="${sid ?? ''}">sid ${sid ?? 'none'}</small></li>`)}
      </ul>
    </div>
    ${postButton(`/sessions/${encodeURIComponent(uid)}/end`, 'End')}
  </div>`
}

function postButton(action: string, label: string): Html {
  return html`<form method="post" action="${action}"><button>${label}</button></form>`
}

/** Shows times in the time zone of the browser, and loads the page again when a session begins or ends elsewhere. */
const script = `
  for (const time of document.querySelectorAll('time')) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString()
  }
  // In a frame of the demo, links open in the whole window.
  for (const link of document.links) link.target = '_top'

  const read = async () => (await fetch('/api/sessions')).text()
  let shown = read()
  const poll = setInterval(async () => {
    if ((await read()) !== (await shown)) location.reload()
  }, 1000)
  addEventListener('submit', () => clearInterval(poll))
`
