/** The first letter of the title on a square. Shown in the heading and as the icon of the browser tab. */
export function icon(color: string, letter: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
  <rect width="32" height="32" rx="8" fill="${color}"/>
  <text x="16" y="22.5" text-anchor="middle" font-family="system-ui, sans-serif" font-size="19" font-weight="700" fill="#fff">${letter}</text>
</svg>`
}

/** The icon as the URL that `<link rel="icon">` takes, so that the browser requests no file. */
export function iconUrl(color: string, letter: string): string {
  return `data:image/svg+xml,${encodeURIComponent(icon(color, letter))}`
}

/** The style sheet of all pages, light and dark. `color` is the color of the application. */
export function styleSheet(color: string): string {
  return `
:root {
  color-scheme: light dark;
  --color: ${color};
  --page: light-dark(#f2f3f7, #12141a);
  --card: light-dark(#ffffff, #1c1f27);
  --text: light-dark(#191c24, #e9ebf1);
  --muted: light-dark(#545c6b, #a6aebd);
  --line: light-dark(#d8dce5, #363c49);
  --link: light-dark(#1f5fbf, #8ab8ff);
  --good: light-dark(#11693a, #6ddb9b);
  --good-tint: light-dark(#e3f6eb, #14301f);
  --bad: light-dark(#a62019, #ff9d94);
  --bad-tint: light-dark(#fdeae8, #3a1a18);
}
* {
  box-sizing: border-box;
}
body {
  margin: 0;
  padding: 1.25rem 1rem;
  font: 1rem/1.5 system-ui, sans-serif;
  color: var(--text);
  background: var(--page);
}
main {
  max-width: 34rem;
  margin: 0 auto;
  padding: clamp(1rem, 5vw, 1.75rem);
  background: var(--card);
  border: 1px solid var(--line);
  border-top: 4px solid var(--color);
  border-radius: 0.75rem;
}
h1 {
  display: flex;
  align-items: center;
  gap: 0.6rem;
  margin: 0 0 1rem;
  font-size: 1.15rem;
  line-height: 1.3;
}
h1 svg {
  flex: none;
}
h2 {
  margin: 0 0 0.5rem;
  font-size: 1.05rem;
}
p {
  margin: 0 0 0.75rem;
}
a {
  color: var(--link);
}
#status {
  margin-bottom: 1rem;
  padding: 0.9rem 1.1rem;
  background: var(--page);
  border-left: 5px solid var(--muted);
  border-radius: 0.5rem;
  transition: background 0.4s, border-color 0.4s;
}
#status.in {
  background: var(--good-tint);
  border-color: var(--good);
}
#status.ended {
  background: var(--bad-tint);
  border-color: var(--bad);
}
#state {
  margin: 0 0 0.15rem;
  font-size: 1.35rem;
  font-weight: 650;
  line-height: 1.3;
}
.in #state {
  color: var(--good);
}
.ended #state {
  color: var(--bad);
}
#explanation {
  margin: 0;
}
dl {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 0.25rem 1rem;
  margin: 0 0 1.25rem;
  font-size: 0.9rem;
}
dt {
  color: var(--muted);
}
dd {
  margin: 0;
  overflow-wrap: anywhere;
}
code,
pre {
  font: 0.92em/1.45 ui-monospace, monospace;
}
#actions {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr));
  gap: 0.9rem;
}
#actions p {
  margin: 0.4rem 0 0;
  color: var(--muted);
  font-size: 0.85rem;
  line-height: 1.4;
}
button,
.button {
  display: block;
  width: 100%;
  min-height: 3rem;
  padding: 0.6rem 1rem;
  font: inherit;
  font-weight: 600;
  line-height: 1.3;
  text-align: center;
  text-decoration: none;
  color: var(--card);
  background: var(--text);
  border: 2px solid var(--text);
  border-radius: 0.5rem;
  cursor: pointer;
}
form + form button,
button.quiet {
  color: var(--text);
  background: transparent;
}
button:hover,
.button:hover {
  opacity: 0.85;
}
:focus-visible {
  outline: 3px solid var(--link);
  outline-offset: 2px;
}
@media (max-width: 27rem) {
  body {
    padding: 0.75rem;
  }
  #actions button {
    min-height: 3.75rem;
    padding-inline: 0.25rem;
    font-size: 0.9rem;
  }
}
@media (prefers-reduced-motion: reduce) {
  * {
    transition: none !important;
  }
}
`
}
