import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import test, { after, before } from 'node:test'

import type { AxeResults, RunOptions } from 'axe-core'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { serveSite } from '../site.ts'

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

/** Opens a page. `complaints` has its errors, and its requests to other sites. */
async function open(path: string, options?: BrowserContextOptions): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, ...options })
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('request', (request) => request.url().startsWith(site.origin) || complaints.push(`asked ${request.url()}`))
  await page.goto(site.origin + path)
  return { page, complaints }
}

test('a search shows the right page first, and opens it', async () => {
  const { page, complaints } = await open('/')
  await page.getByRole('button', { name: 'Search' }).click()
  const firsts = {
    endAllSessions: '/api/core/interfaces/BackchannelLogout.html#endallsessions',
    Keycloak: '/providers.html#keycloak',
    'sign out everywhere': '/sign-out-everywhere.html#',
    ERR_LOGOUT_TOKEN_EXPIRED: '/errors.html#err_logout_token_expired',
    ERR_LOGOUT_FAILED: '/errors.html#err_logout_failed',
    verifyLogoutToken: '/api/core/functions/verifyLogoutToken.html#',
    nextjs: '/start/nextjs',
    'how do I test my application': '/testing.html#',
    eviction: '/deploying/',
    // Questions of a newcomer.
    ERR_LOGOUT_TOKEN_REPLAYED: '/errors.html#err_logout_token_replayed',
    passport: '/guides/passport.html#',
    docker: '/deploying/docker.html#',
    'socket.io': '/guides/live.html#socketio',
    WebSockets: '/guides/live.html#',
    'Redis Cluster': '/packages/redis.html#',
    'rate limit': '/guides/rate-limits.html#',
    'better-auth': '/guides/better-auth.html#',
    'refresh token': '/guides/refresh-tokens.html#',
    'multiple tenants': '/guides/tenants.html#',
    'how does it work': '/#how-it-works',
    'what is sid': '/concepts.html#',
    sessionMaxAge: '/concepts.html#',
    azure: '/providers.html#microsoft-entra-id',
    fastify: '/start/fastify.html#',
    'how do I install it': '/#install',
    'log out all devices': '/sign-out-everywhere.html#',
    'single logout': '/sign-out-everywhere.html#',
    'force logout': '/operating.html#end-the-sessions-of-a-user',
    'user still signed in': '/operating.html#when-a-logout-did-not-work',
    debug: '/operating.html#when-a-logout-did-not-work',
    performance: '/benchmarks.html#',
    expressjs: '/start/express.html#',
    Remix: '/guides/other-frameworks.html#',
    mongodb: '/stores.html#your-own-store',
    'multiple instances': '/stores.html#several-instances',
    'Azure AD': '/providers.html#microsoft-entra-id',
    Cognito: '/providers.html#a-provider-that-is-not-on-this-page',
    FusionAuth: '/providers.html#a-provider-that-is-not-on-this-page',
    Zitadel: '/providers.html#zitadel',
    Authentik: '/providers.html#authentik',
    Okta: '/providers.html#okta',
    Google: '/providers.html#google',
    'does it work with Google login': '/providers.html#google',
    'remember me': '/concepts.html#the-limit-sessionmaxage',
    'session timeout': '/concepts.html#the-limit-sessionmaxage',
    Vercel: '/stores.html#serverless-platforms',
    Lambda: '/stores.html#serverless-platforms',
    serverless: '/stores.html#serverless-platforms',
    ngrok: '/start/hono.html#let-the-provider-reach-the-application',
    'how does the provider reach my machine': '/start/hono.html#let-the-provider-reach-the-application',
    denylist: '/concepts.html#who-does-what',
    'revocation list': '/concepts.html#who-does-what',
    'fetch failed': '/errors.html#fetch-failed-and-econnrefused',
    ECONNREFUSED: '/errors.html#fetch-failed-and-econnrefused',
    'cookie too large': '/sessions.html#encrypted-cookies-of-your-own',
    Nuxt: '/guides/other-frameworks.html#h3-and-nuxt',
    Astro: '/guides/other-frameworks.html#astro',
    'what is a logout token': '/#how-it-works',
    'how long does a session live': '/concepts.html#the-limit-sessionmaxage',
    'why am I signed out right after signing in': '/operating.html#when-a-user-is-signed-out-too-early',
    'sign-in was not started here': '/errors.html#when-the-sign-in-fails',
    'redirect_uri mismatch': '/errors.html#when-the-sign-in-fails',
    'which providers do not send logout tokens': '/providers.html#providers',
    'Keycloak does not send a logout': '/providers.html#keycloak',
    'do I need Redis': '/stores.html#stores',
    'ban a user': '/operating.html#end-the-sessions-of-a-user',
    'health check': '/guides/provider-down.html#the-readiness-probe',
    'multiple tabs': '/guides/live.html#',
    'how do I test without a provider': '/testing.html#',
    'single page application': '/who-should-use-this.html#do-not-use-it-if',
    'backchannel vs frontchannel logout': '/concepts.html#what-back-channel-logout-does-not-cover',
    'how do I know that the logout arrived': '/operating.html#when-a-logout-did-not-work',
    'is it production ready': '/releases.html#what-may-still-change',
    'npm 404 @bcl/core': '/#install',
    license: '/releases.html#license',
    'do I have to store all sessions in a database': '/concepts.html#marker-or-tracked-session',
    'password change': '/operating.html#end-the-sessions-of-a-user',
    'GDPR personal data': '/security.html#limits',
    SAML: '/who-should-use-this.html#do-not-use-it-if',
    monitoring: '/guides/metrics.html#',
  }
  for (const [query, first] of Object.entries(firsts)) {
    await page.getByRole('searchbox').fill(query)
    await page.locator(`#localsearch-item-0 a[href^="${first}"]`).waitFor()
  }
  await page.getByRole('searchbox').fill('Keycloak')
  await page.locator('a.result[href="/providers.html#keycloak"]').click()
  await page.getByRole('heading', { level: 2, name: 'Keycloak' }).waitFor()
  assert.deepEqual(complaints, [])
})

test('a reader goes from the first page to the Hono page, and sees the picture of the rule', async () => {
  const { page, complaints } = await open('/')
  await page.getByRole('main').getByRole('link', { name: 'Hono', exact: true }).click()
  await page.getByRole('heading', { level: 1, name: 'Hono' }).waitFor()
  await page.getByRole('navigation', { name: 'Main Navigation' }).getByRole('link', { name: 'Guides' }).click()
  const picture = page.getByRole('img', { name: /A logout of one session ends/ })
  await picture.scrollIntoViewIfNeeded()
  assert.ok(await picture.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth > 100)))
  assert.deepEqual(complaints, [])
})

test('the picture of the first page is animated, unless the reader wants less motion', async () => {
  for (const [reducedMotion, file] of [
    ['no-preference', /\/signing-out\.[^/]*png$/],
    ['reduce', /\/signed-out\.[^/]*png$/],
  ] as const) {
    const { page } = await open('/', { reducedMotion })
    const picture = page.getByRole('img', { name: /Three applications show/ })
    const source = await picture.evaluate((image: HTMLImageElement) => image.decode().then(() => image.currentSrc))
    assert.match(source, file)
  }
})

test('a chosen package manager is remembered on all pages', async () => {
  const { page, complaints } = await open('/start/hono')
  const command = page.getByText('pnpm add @bcl/core').first()
  assert.equal(await command.isVisible(), false)
  await page.getByText('pnpm', { exact: true }).first().click()
  await command.waitFor()
  await page.goto(`${site.origin}/start/koa`)
  await page.getByText('pnpm add @bcl/core').first().waitFor()
  assert.deepEqual(complaints, [])
})

test('no page is wider than its window, and a wide screen shows all code', async () => {
  const { page, complaints } = await open('/')
  for (const path of [
    '/',
    '/start/hono',
    '/guides/better-auth',
    '/migrating',
    '/deploying/capacity',
    '/deploying/kubernetes',
    '/security-events/what-each-event-does',
    '/benchmarks',
    '/api/core/interfaces/BackchannelLogout',
  ]) {
    await page.goto(site.origin + path)
    for (const width of [390, 1024, 1440]) {
      await page.setViewportSize({ width, height: 900 })
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(wide <= 0, `${path} is ${wide} px wider than a window of ${width} px`)
    }
    const cut = await page.evaluate(
      () =>
        [...document.querySelectorAll('.vp-doc pre')].filter((code) => code.scrollWidth > code.clientWidth + 1).length,
    )
    assert.equal(cut, 0, `${path} cuts off ${cut} code blocks`)
  }
  assert.deepEqual(complaints, [])
})

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const rules: RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'],
  resultTypes: ['violations'],
  // The first column of many tables names the rows, and needs no name itself.
  rules: { 'empty-table-header': { enabled: false } },
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds no fault in headings, names and contrast in ${colorScheme} mode`, async () => {
    const { page } = await open('/', { colorScheme, reducedMotion: 'reduce' })
    const faults: string[] = []
    for (const path of [
      '/',
      '/start/hono',
      '/guides/better-auth',
      '/deploying/capacity',
      '/concepts',
      '/providers',
      '/errors',
      '/api/core/functions/verifyLogoutToken',
    ]) {
      await page.goto(site.origin + path)
      await page.addScriptTag({ content: axe })
      const { violations } = await page.evaluate(
        (options) =>
          (globalThis as unknown as { axe: { run: (o: RunOptions) => Promise<AxeResults> } }).axe.run(options),
        rules,
      )
      for (const { id, nodes } of violations)
        faults.push(...nodes.map(({ html }) => `${path}: ${id}: ${html.slice(0, 200)}`))
    }
    assert.deepEqual(faults, [])
  })
}
