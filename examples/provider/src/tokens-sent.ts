import { html } from 'hono/html'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'

import { accounts } from './accounts.ts'
import { type Html, time } from './layout.ts'

/** A token that was sent to one application, and the answer. */
export interface SentToken {
  at: string
  client_id: string
  uri: string
  token: string
  ms: number
  status?: number
  error?: string
}

const SHOWN = 20

/** The last tokens, newest first, each with its content. */
export function tokensSent(heading: string, tokens: readonly SentToken[]): Html {
  const latest = tokens.slice(-SHOWN).toReversed()
  return html`<section>
    <h2>${heading}</h2>
    ${latest.length === 0 ? html`<p>None yet.</p>` : latest.map(tokenSent)}
  </section>`
}

function tokenSent({ at, client_id, uri, token, status, error, ms }: SentToken): Html {
  const claims = claimsOf(token)
  const content = [decodeProtectedHeader(token), claims].map((part) => JSON.stringify(part, null, 2))
  const isAccepted = status === 200 || status === 202
  return html`<details>
    <summary>
      ${time(new Date(at))} <b>${client_id}</b> <span class="${isAccepted ? 'ok' : 'failed'}">${status ?? error}</span>
      <span>${ms} ms</span>
      <small>${whatItEnds(claims)}</small>
    </summary>
    <p>The provider signed this token and posted it to <code>${uri}</code>. It has this header and these claims:</p>
    <pre tabindex="0">${content.join('\n')}</pre>
  </details>`
}

function whatItEnds(claims: JWTPayload | undefined): string {
  if (!claims) return 'encrypted for the application'
  const sub = claims.sub ?? (claims['sub_id'] as { sub?: string } | undefined)?.sub
  const user = sub === undefined ? 'a user' : (accounts.get(sub) ?? sub)
  return claims['sid'] === undefined ? `ends all sessions of ${user}` : `ends session ${claims['sid']} of ${user}`
}

/** An encrypted token has five parts. Only the application can read it. */
function claimsOf(token: string): JWTPayload | undefined {
  return token.split('.').length === 3 ? decodeJwt(token) : undefined
}
