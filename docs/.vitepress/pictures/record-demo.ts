// Records the pictures of the front page from the running demo. docs/images/signing-out.png is animated. Its last frame is also
// saved as signed-out.png, for readers who want less motion. Each window is a screenshot of a real page. Only the frames of the
// windows and the pointer are drawn, and the time between screenshots is chosen.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { launchChromium } from '../../../examples/demo/src/chromium.ts'
import { type App, startStack } from '../../../examples/demo/src/stack.ts'
import { repository } from '../pages.ts'
import { animatedPng, type Frame } from './animated-png.ts'
import { createStage, type Scene } from './stage.ts'

const images = join(repository, 'docs/images')
const applicationSize = { width: 376, height: 420 }
const providerSize = { width: 1168, height: 420 }

const stack = await startStack([{ example: 'hono' }, { example: 'koa' }, { example: 'nestjs' }])
const browser = await launchChromium()
try {
  const context = await browser.newContext({ locale: 'en-GB', viewport: applicationSize, reducedMotion: 'reduce' })
  const pages: Page[] = []
  for (const app of stack.apps) pages.push(await signIn(context, app))
  const provider = await context.newPage()
  await provider.setViewportSize(providerSize)
  await provider.goto(`${stack.provider.url}/sessions`)
  const button = provider.getByRole('button', { name: /^End/ }).first()
  const box = (await button.boundingBox())!

  const applications = [...stack.apps.keys()]
  const take = (page: Page) => page.screenshot({ animations: 'disabled' })
  const before = await Promise.all(pages.map(take))
  const providerBefore = await take(provider)
  await button.hover()
  const providerHover = await take(provider)
  await button.click()
  for (const page of pages)
    await page
      .getByText(/signed out/i)
      .first()
      .waitFor()
  await provider.getByText(/nobody is signed in/i).waitFor()
  const after = await Promise.all(pages.map(take))
  const providerAfter = await take(provider)

  const names = [...stack.apps.map(({ url }) => url), `${stack.provider.url}/sessions`]
  const target = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  const from = { x: target.x - 260, y: target.y - 120 }
  const along = (part: number) => ({ x: from.x + (target.x - from.x) * part, y: from.y + (target.y - from.y) * part })
  const scene = (ended: number, shown: Buffer, pointer?: Scene['pointer']): Scene => ({
    windows: [...applications.map((index) => (index < ended ? after : before)[index]!), shown],
    pointer,
  })
  const scenes: [Scene, number][] = [
    [scene(0, providerBefore), 1800],
    ...[0, 0.35, 0.65, 0.88].map((part): [Scene, number] => [scene(0, providerBefore, along(part)), 90]),
    [scene(0, providerHover, target), 900],
    [scene(0, providerHover, { ...target, pressed: true }), 200],
    ...[1, 2, 3].map((ended): [Scene, number] => [scene(ended, providerAfter, target), 120]),
    [scene(3, providerAfter), 3500],
  ]

  const stage = await createStage(browser, names, [...pages.map(() => applicationSize), providerSize])
  const frames: Frame[] = []
  let full: Buffer | undefined
  for (const [shown, ms] of scenes) {
    full = await stage.picture(shown)
    const part = frames.length === 0 ? { png: full, x: 0, y: 0 } : await stage.changes()
    if (part === undefined) frames.at(-1)!.ms += ms
    else frames.push({ ...part, ms })
  }
  const moving = animatedPng(frames)
  writeFileSync(join(images, 'signing-out.png'), moving)
  writeFileSync(join(images, 'signed-out.png'), full!)
  console.log(`${frames.length} frames, ${moving.length} bytes; the still has ${full!.length} bytes`)
} finally {
  await browser.close()
  await stack.stop()
}

/** Opens a page that listens for the end of its session. */
async function signIn(context: BrowserContext, app: App): Promise<Page> {
  const page = await context.newPage()
  const isListening = page.waitForResponse(`${app.url}/events`)
  await page.goto(`${app.url}/`)
  await page.getByRole('link', { name: 'Sign in' }).click()
  // The provider asks for the account once. Then it sends the browser to the other applications without asking.
  const account = page.getByRole('button', { name: 'Alice Adams' })
  await account
    .or(page.getByText(/signed in as/i))
    .first()
    .waitFor()
  if (await account.isVisible()) await account.click()
  await isListening
  return page
}
