import type { ProviderSession } from '@bcl/testing'
import { formatValue } from '../inspect/format-value.js'
import { readToken } from '../inspect/token-parts.js'
import { escapeXml } from '../report/escape-xml.js'

/** A Logout Token that was sent, and the answer of the endpoint. */
export interface Delivery {
  token: string
  answer: string
  date: Date
}

const style = `:root { color-scheme: light dark } body { font: 15px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884 } td code { overflow-wrap: anywhere } form { display: inline }`

const layout = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${style}</style></head>
<body><h1>${title}</h1>
${body}
</body></html>
`

const form = (action: string, fields: Record<string, string>, label: string): string => {
  const inputs = Object.entries(fields).map(
    ([name, value]) => `<input type="hidden" name="${name}" value="${escapeXml(value)}">`,
  )
  return `<form method="post" action="${escapeXml(action)}">${inputs.join('')}<button>${label}</button></form>`
}

const formatDelivery = ({ token, answer, date }: Delivery): string => {
  const parts = readToken(token)
  const decoded = typeof parts === 'string' ? parts : formatValue({ header: parts.header, claims: parts.claims })
  return `<tr><td>${date.toISOString()}</td><td><code>${escapeXml(decoded)}</code></td><td><code>${escapeXml(answer)}</code></td></tr>`
}

/** The page on which a user chooses a name. `returnTo` is the address to which the browser returns after the sign-in. */
export const signInPage = ({ returnTo, base }: { returnTo: string; base: string }): string =>
  layout(
    'Sign in',
    `<p>This provider is for development. It asks for no password.</p>
<form method="post" action="${escapeXml(base)}/bcl/sign-in"><input type="hidden" name="return" value="${escapeXml(returnTo)}">
<label>User <input name="sub" value="alice" autofocus></label> <button>Sign in</button></form>`,
  )

/** The page with the sessions and the Logout Tokens. */
export function dashboardPage({
  sessions,
  deliveries,
  base,
  endpoint,
}: {
  sessions: readonly (ProviderSession & { sid: string })[]
  deliveries: readonly Delivery[]
  base: string
  endpoint: string
}): string {
  const rows = sessions.map(
    ({ sub, sid }) =>
      `<tr><td>${escapeXml(sub)}</td><td><code>${escapeXml(sid)}</code></td><td>${form(`${base}/bcl/end-session`, { sub, sid }, 'End this session')} ${form(`${base}/bcl/end-user`, { sub }, 'End all sessions of this user')}</td></tr>`,
  )
  return layout(
    'OpenID Provider for development',
    `<p>Logout Tokens go to <code>${escapeXml(endpoint)}</code>.</p>
<h2>Sessions</h2>
<p>Sign in at your application to begin a session.</p>
<table><tr><th>user</th><th>sid</th><th></th></tr>${rows.join('\n')}</table>
<h2>Logout Tokens</h2>
<table><tr><th>sent</th><th>token</th><th>answer</th></tr>${deliveries.map(formatDelivery).join('\n')}</table>`,
  )
}
