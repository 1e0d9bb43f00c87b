import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import test, { after, before } from 'node:test'

import { chromium, type Browser, type Page } from 'playwright-core'
import { serveSite } from './site.ts'

let site: Awaited<ReturnType<typeof serveSite>>
let browser: Browser

before(async () => {
  site = await serveSite()
  const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim()
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
})
after(async () => {
  await browser.close()
  site.close()
})

/** A page that has come up without an error, and asked nobody but this site. */
async function open(path: string): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('request', (request) => request.url().startsWith(site.origin) || complaints.push(`asked ${request.url()}`))
  await page.goto(site.origin + path)
  return { page, complaints }
}

test('a reader searches, and finds the page', async () => {
  const { page, complaints } = await open('/')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('searchbox').fill('eviction')
  await page.getByRole('option').filter({ hasText: 'On Kubernetes' }).first().click()
  await page.getByRole('heading', { level: 1, name: 'On Kubernetes' }).waitFor()
  assert.match(page.url(), /\/deploying\/kubernetes/)
  assert.deepEqual(complaints, [])
})

test('a reader finds a function in the API reference', async () => {
  const { page, complaints } = await open('/')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByRole('searchbox').fill('verifyLogoutToken')
  await page.getByRole('option').filter({ hasText: '@bcl/core' }).first().click()
  await page.getByRole('heading', { level: 3, name: 'verifyLogoutToken()' }).waitFor()
  assert.deepEqual(complaints, [])
})

test('a reader goes from the first page to the Hono page, and sees the picture of the rule', async () => {
  const { page, complaints } = await open('/')
  await page.getByRole('main').getByRole('link', { name: 'Hono', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Hono' }).waitFor()
  await page.getByRole('navigation', { name: 'Main Navigation' }).getByRole('link', { name: 'Concepts' }).click()
  const picture = page.getByRole('img', { name: /A session with sid A ends/ })
  await picture.scrollIntoViewIfNeeded()
  assert.ok(await picture.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth > 100)))
  assert.deepEqual(complaints, [])
})
