import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'

import { iconUrl, styleSheet } from '../../provider/src/shared/look.ts'
import type { App } from './stack.ts'

export interface DemoPage {
  stop(): void
}

/** Serves one page that shows the provider and all applications in frames. */
export async function startDemoPage(port: number, providerUrl: string, apps: readonly App[]): Promise<DemoPage> {
  const page = demoPage(providerUrl, apps)
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(page)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function demoPage(providerUrl: string, apps: readonly App[]): string {
  const policy = `default-src 'none'; base-uri 'none'; img-src data:; frame-src ${[providerUrl, ...apps.map(({ url }) => url)].join(' ')}; style-src '${hash(style)}'; script-src '${hash(script)}'`
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="content-security-policy" content="${policy}" />
    <meta name="viewport" content="width=device-width" />
    <title>Back-channel logout, the demo</title>
    <link rel="icon" href="${iconUrl(COLOR, 'B')}" />
    <style>${style}</style>
  </head>
  <body>
    <main>
      <header>
        <h1>Back-channel logout</h1>
        <p>One provider signs a user in at ${apps.length} applications. When the provider ends the session, it tells each application.</p>
        <ol>
          <li><button id="sign-in">Sign in Alice everywhere</button></li>
          <li>Press “End” at the provider.</li>
          <li>Each application shows the sign-out at once.</li>
        </ol>
        <p id="progress" role="status"></p>
      </header>
      <section aria-labelledby="provider">
        <h2 id="provider">The provider <a href="${providerUrl}/sessions">${host(providerUrl)}</a></h2>
        <iframe class="provider" title="The provider" src="${providerUrl}/sessions"></iframe>
      </section>
      <section aria-labelledby="applications">
        <h2 id="applications">The applications ${apps.map(({ clientId, url }) => `<a href="${url}/">${clientId}</a>`).join(' ')}</h2>
        <div class="applications">
          ${apps.map(({ clientId, url }) => `<iframe title="${clientId}" src="${url}/"></iframe>`).join('\n        ')}
        </div>
      </section>
    </main>
    <script>${script}</script>
  </body>
</html>`
}

const COLOR = '#4338a8'

const style = `${styleSheet(COLOR)}
body {
  max-width: 84rem;
  margin: 0 auto;
}
main {
  max-width: none;
  padding: 0;
  background: none;
  border: 0;
}
header,
h2 {
  margin: 0 0.25rem 0.75rem;
}
h1 {
  margin: 0 0 0.25rem;
  font-size: 1.6rem;
}
h2 {
  margin-top: 1.25rem;
}
h2 a {
  margin-left: 0.75rem;
  font-size: 0.9rem;
  font-weight: 400;
}
ol {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.5rem 2.75rem;
  margin: 0;
  padding-left: 1.4rem;
}
button {
  min-height: 2.75rem;
}
button:disabled {
  opacity: 0.6;
  cursor: default;
}
#progress {
  min-height: 1.5rem;
  margin: 0.5rem 0 0;
  color: var(--muted);
}
iframe {
  display: block;
  width: 100%;
  height: 28rem;
  background: var(--page);
  border: 1px solid var(--line);
  border-radius: 0.75rem;
}
iframe.provider {
  height: 22.5rem;
}
.applications {
  display: grid;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr));
  gap: 0.75rem;
}
`

/** Signs in at one application after the other, because the first sign-in makes the session at the provider. */
const script = `
  const button = document.getElementById('sign-in')
  const progress = document.getElementById('progress')
  button.addEventListener('click', async () => {
    button.disabled = true
    for (const frame of document.querySelectorAll('.applications iframe')) {
      progress.textContent = 'Signing in at ' + frame.title + '.'
      const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }))
      frame.src = new URL('/login?login_hint=alice', frame.src)
      await loaded
    }
    progress.textContent = 'Done. Continue with step 2.'
    button.disabled = false
  })
`

const host = (url: string): string => new URL(url).host

function hash(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`
}
