// Runs the browser code of docs/guides/live.md in Chromium, on a page with a sign-out form.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import test from 'node:test'

import { chromium } from 'playwright-core'
import { codeBlocks, replaceOnce } from '../../../../checks/scripts/code-blocks.ts'

const guide = readFileSync(new URL('../../../guides/live.md', import.meta.url), 'utf8')
const { code } = codeBlocks(guide).find((block) => block.code.includes('new EventSource'))!
const scripts: Record<string, string> = {
  '/account': code,
  // A component of React or Svelte calls `listen`, and later the function that it returns.
  '/component': replaceOnce(code, '\nlisten()\n', '\nconst stop = listen()\n'),
}

test('the page of docs/guides/live.md shows a logout at once, and does not stop its own sign-out', async (t) => {
  // The Hono page has its HTML in a template literal.
  assert.ok(!code.includes('`'))
  let stream: ServerResponse | undefined
  let closed: Promise<unknown> | undefined
  let onReload = (): void => {}
  let isFull = false
  let isSignedIn = true
  const sendLogout = (): void => void stream!.write('event: logged-out\ndata: {}\n\n')
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://127.0.0.1')
    if (pathname === '/me' && !isSignedIn) {
      response.writeHead(401).end()
    } else if (pathname === '/events' && isFull) {
      response.writeHead(503).end()
    } else if (pathname === '/events') {
      stream = response.writeHead(200, { 'content-type': 'text/event-stream' })
      closed = once(stream, 'close')
      stream.write(':\n\n')
    } else if (pathname === '/logout') {
      // Like the application: the event is sent before the answer. Waits until the page has handled the event.
      const handled = Promise.race([closed, new Promise<void>((resolve) => (onReload = resolve))])
      sendLogout()
      await handled
      response.writeHead(303, { location: '/end_session' }).end()
    } else {
      if (pathname === '/') onReload()
      const page = `<form method="post" action="/logout"><button>Sign out</button></form>
        <dialog open><form method="dialog"><button>Close</button></form></dialog><script>${scripts[pathname]}</script>`
      response.writeHead(200, { 'content-type': 'text/html' }).end(pathname in scripts ? page : '')
    }
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim()
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox'],
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
  })
  t.after(() => browser.close())

  const page = await browser.newPage()
  await page.clock.install()
  const opens = async (status = 200, path = '/account'): Promise<void> => {
    const [opened] = await Promise.all([page.waitForResponse(`${origin}/events`), page.goto(origin + path)])
    assert.equal(opened.status(), status)
  }
  // After a refused stream, the page tries again.
  isFull = true
  const asked = page.waitForResponse(`${origin}/me`)
  await opens(503)
  await asked
  isFull = false
  let again: number | undefined
  void page.waitForResponse(`${origin}/events`).then((answer) => (again = answer.status()))
  while (again === undefined) await page.clock.runFor(30_000)
  assert.equal(again, 200)
  sendLogout()
  await page.waitForURL(`${origin}/`)

  // The user signed out in another tab while this page had no connection. So the server refuses the stream.
  isFull = true
  isSignedIn = false
  await opens(503)
  await page.waitForURL(`${origin}/`)
  isFull = false

  await opens()
  sendLogout()
  await page.waitForURL(`${origin}/`)

  for (const path of Object.keys(scripts)) {
    await opens(200, path)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL((url) => url.pathname !== path)
    assert.equal(new URL(page.url()).pathname, '/end_session')
  }

  // The Back button asks the server for the page again.
  await opens()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.waitForURL(`${origin}/end_session`)
  const shownAgain = page.waitForResponse(`${origin}/account`)
  await page.evaluate('history.back()')
  await shownAgain
  await page.waitForURL(`${origin}/account`)
  await page.waitForLoadState()

  // A form that does not leave the page delays the event, but does not suppress it.
  await opens()
  await page.getByRole('button', { name: 'Close' }).click()
  sendLogout()
  await closed
  await page.clock.runFor(10_000)
  await page.waitForURL(`${origin}/`)

  // The component goes away. First while its stream is open, and then while it waits for the next attempt.
  await opens(200, '/component')
  await page.evaluate('stop()')
  await closed
  isFull = true
  isSignedIn = true
  const refused = page.waitForResponse(`${origin}/me`)
  await opens(503, '/component')
  await refused
  await page.evaluate('stop()')
  let requests = 0
  page.on('request', () => (requests += 1))
  await page.clock.runFor(60_000)
  assert.equal(requests, 0)
})
