import { html } from 'hono/html'
import type { ClientMetadata } from 'oidc-provider'

import { accounts } from './accounts.ts'
import type { Delivery } from './deliveries.ts'
import { type Html, page, time } from './layout.ts'
import type { SessionInfo } from './sessions.ts'
import { tokensSent } from './tokens-sent.ts'

/** The result of the last button. */
export interface LastAction {
  sentence: string
  deliveries: readonly Delivery[]
  /** The `uid` of each remaining session. */
  left: ReadonlySet<string>
}

export interface SessionsPage {
  sessions: readonly SessionInfo[]
  deliveries: readonly Delivery[]
  clients: readonly ClientMetadata[]
  lastAction: LastAction | undefined
  /** The address of the demo, if the demo started the provider. */
  demoUrl: string | undefined
}

export function sessionsPage({ sessions, deliveries, clients, lastAction, demoUrl }: SessionsPage): Html {
  // After a later sign-in, the sentence about the last button is outdated.
  const isLatest = lastAction && sessions.every(({ uid }) => lastAction.left.has(uid))
  const users = Map.groupBy(sessions, ({ sub }) => sub)
  return page(
    'Sessions',
    html`<nav aria-label="Applications">
        ${demoUrl && html`<a href="${demoUrl}">Demo</a>`} <span>Applications:</span> ${clients.map(applicationLink)}
      </nav>
      ${isLatest ? whatHappened(lastAction) : ''}
      ${users.size === 0 ? html`<p>Nobody is signed in.</p>` : [...users].map(userSection)} ${tokensSent(deliveries)}`,
    { script, isWide: true },
  )
}

function applicationLink({ client_id, redirect_uris = [] }: ClientMetadata): Html {
  const [uri] = redirect_uris
  return html`<a href="${uri === undefined ? '' : new URL('/', uri).href}">${client_id}</a> `
}

function whatHappened({ sentence, deliveries }: LastAction): Html {
  const answers = Map.groupBy(deliveries, ({ status }) => status === 200)
  const names = (isOk: boolean) =>
    list([...new Set((answers.get(isOk) ?? []).map(({ client_id }) => client_id))].toSorted())
  return html`<div id="status" class="${answers.has(false) ? 'ended' : 'in'}" role="status">
    <p id="state">${sentence}</p>
    <p id="explanation">
      ${
        deliveries.length === 0
          ? 'No application had a session to end.'
          : `The provider sent ${deliveries.length === 1 ? 'a Logout Token' : `${deliveries.length} Logout Tokens`}.`
      }
      ${answers.has(true) ? `${names(true)} accepted, and open pages there show the sign-out now.` : ''}
      ${answers.has(false) ? `${names(false)} did not answer with 200.` : ''}
    </p>
  </div>`
}

function userSection([sub, sessions]: [string, SessionInfo[]]): Html {
  const name = accounts.get(sub) ?? sub
  return html`<section>
    <h2>${name}</h2>
    ${sessions.map(sessionRow)}
    <div class="buttons">
      ${postButton(`/users/${encodeURIComponent(sub)}/end-sessions`, `End all sessions of ${name}`)}
    </div>
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

function list(names: readonly string[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(names)
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
