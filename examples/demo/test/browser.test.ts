import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { startDemoPage } from '../src/demo-page.ts'
import { findChromium, launchChromium } from '../src/chromium.ts'
import { freePorts } from '../src/free-ports.ts'
import { type App, type Stack, startStack } from '../src/stack.ts'
import { violationsOf } from './accessibility.ts'

const EXAMPLES = ['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs']

/** In CI, the test fails if Chromium is missing. */
const present = findChromium() !== undefined || process.env['CI'] === 'true'
const describeChromium = present ? describe : describe.skip
const why = present ? '' : ': skipped, there is no chromium on the PATH'

describeChromium(`in a browser${why}`, { timeout: 60_000 }, () => {
  let stack: Stack
  let browser: Browser
  let context: BrowserContext
  let complaints: string[]

  beforeAll(async () => {
    browser = await launchChromium()
    stack = await startStack(EXAMPLES.map((example) => ({ example })))
  }, 120_000)

  afterAll(async () => {
    await Promise.all([stack?.stop(), browser?.close()])
  })

  beforeEach(async () => {
    context = await browser.newContext({ locale: 'en-GB', viewport: { width: 333, height: 300 } })
    complaints = []
    // Chromium reports violations of a content security policy as errors in the console.
    context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  })

  afterEach(() => context?.close())

  /** Opens a page that listens for the end of its session, and keeps the page open. */
  async function signIn(app: App): Promise<Page> {
    const page = await context.newPage()
    const isListening = page.waitForResponse(`${app.url}/events`)
    await page.goto(`${app.url}/`)
    await page.getByRole('link', { name: 'Sign in' }).click()
    // The provider asks for the account once. Then it sends the browser to the other applications without asking.
    const account = page.getByRole('button', { name: 'Alice Adams' })
    await account.or(page.getByText('Signed in as alice')).waitFor()
    if (await account.isVisible()) await account.click()
    await page.getByText('Signed in as alice').waitFor()
    await isListening
    return page
  }

  it('when the provider ends the session, the open pages of all applications show the sign-out', async () => {
    const pages: Page[] = []
    for (const app of stack.apps) pages.push(await signIn(app))
    const provider = await context.newPage()
    await provider.setViewportSize({ width: 1040, height: 410 })
    await provider.goto(`${stack.provider.url}/sessions`)

    await provider.getByRole('button', { name: 'End', exact: true }).click()

    for (const page of pages) await page.getByText(/^Signed out at \d\d:\d\d:\d\d$/).waitFor()
    await provider.getByText('Nobody is signed in.').waitFor()
    await provider.getByRole('status').getByText('One session of Alice Adams ended').waitFor()
    for (const page of pages) {
      await page.getByRole('status').getByText('The server ended this session.').waitFor()
      expect(await page.title()).toMatch(/^Signed out · /)
    }
    expect(complaints).toEqual([])
    for (const page of pages) {
      await page.reload()
      await page.getByText('Not signed in').waitFor()
    }
  })

  it.each(['hono', 'nextjs'])(
    'the page of the %s example moves the focus from a button to the sign-in',
    async (example) => {
      const page = await signIn(stack.apps.find(({ clientId }) => clientId === example)!)
      await page.getByRole('button', { name: 'Sign out everywhere' }).focus()

      await stack.provider.endSessionsOf('alice')

      await page.getByText('Signed out at').waitFor()
      await page.locator('a:focus', { hasText: 'Sign in' }).waitFor()
    },
  )

  it('axe-core finds no violation on the pages', async () => {
    const [hono, nextjs] = ['hono', 'nextjs'].map((name) => stack.apps.find(({ clientId }) => clientId === name)!)
    const found: string[] = []
    const look = async (page: Page) => void found.push(...(await violationsOf(page)))
    const page = await context.newPage()
    for (const url of ['/', '/login', '/callback']
      .map((path) => hono!.url + path)
      .concat(`${nextjs!.url}/sign-in-failed`)) {
      await page.goto(url)
      await look(page)
    }
    const signedIn = []
    for (const app of [hono!, nextjs!]) signedIn.push(await signIn(app))
    for (const each of signedIn) await look(each)
    const provider = await context.newPage()
    await provider.goto(`${stack.provider.url}/sessions`)
    await look(provider)
    await provider.getByRole('button', { name: 'End', exact: true }).click()
    await provider.getByText('Nobody is signed in.').waitFor()
    await provider.locator('summary').first().click()
    await look(provider)
    for (const each of signedIn) {
      await each.getByText('Signed out at').waitFor()
      await look(each)
    }
    expect(found).toEqual([])
  })

  it('the page of the demo signs in at all applications, and shows the sign-out in its frames', async () => {
    const [port] = (await freePorts(1)) as [number]
    const demo = await startDemoPage(port, stack.provider.url, stack.apps)
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${port}/`)

    await page.getByRole('button', { name: 'Sign in Alice everywhere' }).click()
    const frames = EXAMPLES.map((name) => page.frameLocator(`iframe[title="${name}"]`))
    for (const frame of frames) await frame.getByText('Signed in as alice').waitFor()
    // The page of the provider reloads when a session begins.
    await page.frameLocator('iframe.provider').getByRole('button', { name: 'End', exact: true }).click()

    for (const frame of frames) await frame.getByText('Signed out at').waitFor()
    expect(complaints).toEqual([])
    expect(await violationsOf(page)).toEqual([])
    demo.stop()
  })

  it.each(EXAMPLES)('a page of the %s example does not reload in a loop if its stream is refused', async (example) => {
    const app = stack.apps.find(({ clientId }) => clientId === example)!
    const page = await signIn(app)
    let loads = 0
    page.on('load', () => (loads += 1))
    await page.route('**/events', (route) => route.fulfill({ status: 429 }))
    const asked = page.waitForResponse('**/me')

    await page.reload()

    expect((await asked).status()).toBe(200)
    await page.evaluate('new Promise(requestAnimationFrame)')
    await page.getByText('Signed in as alice').waitFor()
    expect(loads).toBe(1)
    await stack.provider.endSessionsOf('alice')
  })

  it.each(EXAMPLES.flatMap((example) => ['Sign out', 'Sign out everywhere'].map((name) => [name, example] as const)))(
    'the button "%s" of the %s example signs out',
    async (name, example) => {
      const app = stack.apps.find(({ clientId }) => clientId === example)!
      const page = await signIn(app)

      await page.getByRole('button', { name, exact: true }).click()

      await page.getByText('Not signed in').waitFor()
      expect(page.url()).toBe(`${app.url}/`)
      expect(await stack.provider.sessionsOf('alice')).toEqual([])
    },
  )
})
