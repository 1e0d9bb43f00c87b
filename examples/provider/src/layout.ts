import { createHash } from 'node:crypto'

import { html, raw } from 'hono/html'

import { icon, iconUrl, styleSheet } from './shared/look.ts'

export type Html = ReturnType<typeof html>

const COLOR = '#4338a8'
const LETTER = 'P'

/** A page of the provider. Only its style and `script` are allowed. The page loads nothing from other addresses. */
export function page(title: string, content: Html, { script = '', isWide = false } = {}): Html {
  const policy = `default-src 'none'; base-uri 'none'; connect-src 'self'; img-src data:; style-src '${hash(style)}'; script-src '${hash(script)}'`
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="content-security-policy" content="${raw(policy)}" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} · Example provider</title>
        <link rel="icon" href="${iconUrl(COLOR, LETTER)}" />
        ${raw(`<style>${style}</style>`)}
      </head>
      <body>
        <main${isWide ? raw(' class="wide"') : ''}>
          <h1>${raw(icon(COLOR, LETTER))} ${title}</h1>
          ${content}
        </main>
        ${raw(`<script>${script}</script>`)}
      </body>
    </html>`
}

export function time(date: Date): Html {
  return html`<time datetime="${date.toISOString()}">${date.toISOString().slice(11, 19)} UTC</time>`
}

function hash(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`
}

const style = `${styleSheet(COLOR)}
main.wide {
  max-width: 72rem;
}
nav {
  display: flex;
  flex-wrap: wrap;
  gap: 0.25rem 1rem;
  margin-bottom: 1rem;
}
section {
  margin-bottom: 1.5rem;
}
.accounts {
  display: grid;
  gap: 0.6rem;
}
.session {
  display: grid;
  grid-template-columns: 1fr auto;
  gap: 0.5rem 1rem;
  align-items: center;
  margin-bottom: 0.6rem;
  padding: 0.7rem 1rem;
  border: 1px solid var(--line);
  border-left: 5px solid var(--good);
  border-radius: 0.5rem;
}
.session p {
  margin: 0;
}
.session ul {
  display: flex;
  flex-wrap: wrap;
  gap: 0.2rem 1.2rem;
  margin: 0.2rem 0 0;
  padding: 0;
  list-style: none;
}
.session button {
  min-width: 6rem;
}
.note {
  margin-top: 0.75rem;
  color: var(--muted);
  font-size: 0.9rem;
}
.sid {
  display: inline-block;
  max-width: 8.5rem;
  overflow: hidden;
  vertical-align: bottom;
  text-overflow: ellipsis;
  white-space: nowrap;
}
small {
  color: var(--muted);
  overflow-wrap: anywhere;
}
.buttons {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr));
  gap: 0.9rem;
}
.buttons form + form button {
  color: var(--text);
  background: transparent;
}
details {
  border-top: 1px solid var(--line);
}
summary {
  display: flex;
  flex-wrap: wrap;
  gap: 0 1rem;
  padding: 0.5rem 0;
  cursor: pointer;
}
summary::before {
  content: '▸';
  width: 0.6rem;
}
details[open] summary::before {
  content: '▾';
}
summary b {
  min-width: 5rem;
}
.ok {
  color: var(--good);
}
.failed {
  color: var(--bad);
}
pre {
  margin: 0 0 0.9rem;
  padding: 0.8rem;
  overflow-x: auto;
  white-space: pre-wrap;
  overflow-wrap: anywhere;
  background: var(--page);
  border-radius: 0.5rem;
}
`
