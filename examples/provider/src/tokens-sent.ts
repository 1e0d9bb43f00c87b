import { html } from 'hono/html'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'

import { accounts } from './accounts.ts'
import type { Delivery } from './deliveries.ts'
import { type Html, time } from './layout.ts'

const SHOWN = 20

/** The last Logout Tokens, newest first, each with its content. */
export function tokensSent(deliveries: readonly Delivery[]): Html {
  const latest = deliveries.slice(-SHOWN).toReversed()
  return html`<section>
    <h2>Logout Tokens sent</h2>
    ${latest.length === 0 ? html`<p>None yet.</p>` : latest.map(tokenSent)}
  </section>`
}

function tokenSent({ at, client_id, uri, logout_token, status, error, ms }: Delivery): Html {
  const claims = claimsOf(logout_token)
  const content = [decodeProtectedHeader(logout_token), claims].map((part) => JSON.stringify(part, null, 2))
  return html`<details>
    <summary>
      ${time(new Date(at))} <b>${client_id}</b>
      <span class="${status === 200 ? 'ok' : 'failed'}">${status ?? error}</span> <span>${ms} ms</span>
      <small>${whatItEnds(claims)}</small>
    </summary>
    <p>Posted to <code>${uri}</code>, signed by the provider. Its header and its claims:</p>
    <pre tabindex="0">${content.join('\n')}</pre>
  </details>`
}

function whatItEnds(claims: JWTPayload | undefined): string {
  if (!claims) return 'encrypted for the application'
  const user = claims.sub === undefined ? 'a user' : (accounts.get(claims.sub) ?? claims.sub)
  return claims['sid'] === undefined ? `ends all sessions of ${user}` : `ends session ${claims['sid']} of ${user}`
}

/** An encrypted token has five parts. Only the application can read it. */
function claimsOf(token: string): JWTPayload | undefined {
  return token.split('.').length === 3 ? decodeJwt(token) : undefined
}
