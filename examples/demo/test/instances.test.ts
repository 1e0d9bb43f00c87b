import { randomBytes } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { nextSecond } from '../src/clock.ts'
import { createDevice, type Device } from '../src/device.ts'
import { callbackPath, type ExampleProcess, startExample } from '../src/example-process.ts'
import { freePorts, isFree } from '../src/free-ports.ts'
import { createProviderClient, type ProviderClient } from '../src/provider-client.ts'
import { hasRedis, type RedisServer, startRedis } from '../src/redis-server.ts'
import type { App } from '../src/stack.ts'

const skip = !hasRedis() && !process.env['CI']
const title = skip ? 'two instances with one Redis (skipped: there is no redis-server)' : 'two instances with one Redis'

describe.skipIf(skip)(title, () => {
  describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'])('%s', (example) => {
    let redis: RedisServer
    let provider: ProviderClient
    let processes: ExampleProcess[]
    // All processes of this example, also those that a test was starting when its time ran out.
    const started: Promise<ExampleProcess>[] = []
    let startInstance: (port: number) => Promise<ExampleProcess>
    let ports: [number, number, number]
    let [a, b]: [App, App] = [undefined!, undefined!]

    beforeAll(async () => {
      redis = await startRedis()
      ports = (await freePorts(3)) as [number, number, number]
      const [issuer, urlA, urlB] = ports.map((port) => `http://127.0.0.1:${port}`) as [string, string, string]
      const env = {
        ISSUER: issuer,
        CLIENT_ID: example,
        CLIENT_SECRET: randomBytes(16).toString('base64url'),
        SESSION_SECRET: randomBytes(32).toString('base64url'),
        REDIS_URL: redis.url,
      }
      const client = {
        client_id: env.CLIENT_ID,
        client_secret: env.CLIENT_SECRET,
        redirect_uris: [urlA, urlB].map((url) => url + callbackPath(example)),
        post_logout_redirect_uris: [`${urlA}/`, `${urlB}/`],
        backchannel_logout_uri: `${urlA}/backchannel-logout`,
      }
      const start = (...parameters: Parameters<typeof startExample>) => {
        const starting = startExample(...parameters)
        started.push(starting)
        return starting
      }
      startInstance = (port) => start(example, port, env)
      processes = [
        await start('provider', ports[0], { ISSUER: issuer, CLIENTS: JSON.stringify([client]) }),
        ...(await Promise.all([startInstance(ports[1]), startInstance(ports[2])])),
      ]
      provider = createProviderClient(issuer)
      a = { clientId: example, url: urlA }
      b = { clientId: example, url: urlB }
    })

    afterAll(async () => {
      await Promise.allSettled(started.map(async (starting) => (await starting).stop()))
      await redis?.stop()
    })

    async function signedIn(user: string) {
      const device = createDevice('laptop')
      await device.signIn(a, user)
      return device
    }

    async function endAt(device: Awaited<ReturnType<typeof signedIn>>, user: string): Promise<void> {
      const { sid } = (await device.me(a)).body
      const sessions = await provider.sessionsOf(user)
      const session = sessions.find(({ clients }) => clients.some((client) => client.sid === sid))!
      expect(await provider.endSession(session.uid)).toMatchObject([{ status: 200 }])
    }

    /** Opens a page that listens for the end of its session. */
    async function openPage(device: Device, app: App) {
      const events = await device.browser.copy().fetch(`${app.url}/events`)
      expect(events.status).toBe(200)
      const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader()
      await reader.read()
      return {
        async receivesLogout(): Promise<void> {
          let text = ''
          while (!text.includes('event: logged-out')) {
            const { done, value } = await reader.read()
            if (done) expect.fail(`the stream ended without the event: ${text}`)
            text += value
          }
          await reader.cancel()
        },
      }
    }

    it('a session works on both instances, and a logout on one instance ends the session on both', async () => {
      const [laptop, phone] = [await signedIn('alice'), await signedIn('alice')]
      expect((await laptop.me(b)).body).toEqual((await laptop.me(a)).body)
      await endAt(laptop, 'alice')
      expect([(await laptop.me(b)).status, (await laptop.me(a)).status]).toEqual([401, 401])
      expect([(await phone.me(b)).status, (await phone.me(a)).status]).toEqual([200, 200])
    })

    it('a page that is open on the other instance receives the event', async () => {
      const device = await signedIn('bob')
      const page = await openPage(device, b)
      await endAt(device, 'bob')
      await page.receivesLogout()
    })

    it('while Redis is frozen, every session is refused, and no logout is lost', async () => {
      const device = await signedIn('dave')
      const { sid, sub } = (await device.me(a)).body
      const sessions = await provider.sessionsOf('dave')
      const session = sessions.find(({ clients }) => clients.some((client) => client.sid === sid))!
      redis.freeze()
      try {
        expect([(await device.me(a)).status, sub]).toEqual([503, 'dave'])
        // T-20: the page keeps its session cookie, so the session works again when Redis is back.
        const page = await device.browser.copy().fetch(`${a.url}/`)
        expect(page.status).toBe(503)
        expect(page.headers.getSetCookie().join('\n')).not.toContain(`${example}_session=`)
        expect(await provider.endSession(session.uid)).toMatchObject([{ status: 400 }])
      } finally {
        redis.thaw()
      }
      await expect.poll(async () => (await device.me(b)).status, { timeout: 15_000 }).toBe(401)
    })

    // These tests do not follow the redirect to the provider, so the provider sends no Logout Token.
    describe('sign-out in the application', () => {
      const statuses = async (...devices: Device[]) =>
        Promise.all(devices.flatMap((device) => [a, b].map(async (app) => (await device.me(app)).status)))

      it('/logout ends copies of the cookie on both instances at once, and no other device', async () => {
        const [laptop, phone] = [await signedIn('erin'), await signedIn('erin')]
        const thief = createDevice('thief', laptop.browser.copy())
        const page = await openPage(thief, b)

        const response = await laptop.browser.submit(`${a.url}/logout`)

        expect(response.status).toBe(303)
        const location = new URL(response.headers.get('location')!)
        expect(location.origin + location.pathname).toBe(`${provider.url}/session/end`)
        expect(location.searchParams.get('id_token_hint')).toMatch(/^eyJ/)
        expect(await statuses(thief, laptop, phone)).toEqual([401, 401, 401, 401, 200, 200])
        await page.receivesLogout()
      })

      it('/logout-everywhere also ends the other device. Other users and later sign-ins stay signed in', async () => {
        const [laptop, phone, other] = [await signedIn('erin'), await signedIn('erin'), await signedIn('bob')]
        const thief = createDevice('thief', laptop.browser.copy())

        const response = await laptop.browser.submit(`${a.url}/logout-everywhere`)

        expect(response.status).toBe(303)
        expect(response.headers.get('location')).toContain(`${provider.url}/session/end?`)
        expect(await statuses(thief, laptop, phone, other)).toEqual([401, 401, 401, 401, 401, 401, 200, 200])
        await nextSecond()
        expect(await statuses(await signedIn('erin'))).toEqual([200, 200])
      })

      it('/logout-everywhere refuses the cookie of a session that was signed out, and ends no session', async () => {
        const [laptop, phone] = [await signedIn('carol'), await signedIn('carol')]
        const thief = createDevice('thief', laptop.browser.copy())
        await laptop.browser.submit(`${a.url}/logout`)

        for (const app of [a, b]) {
          const response = await thief.browser.copy().submit(`${app.url}/logout-everywhere`)
          expect([response.status, await response.json()]).toEqual([401, { error: 'not signed in' }])
        }

        expect(await statuses(phone)).toEqual([200, 200])
      })

      it('/logout works while Redis is frozen, and the marker is written later', async () => {
        const device = await signedIn('dave')
        const thief = createDevice('thief', device.browser.copy())
        const log = processes[1]!.output
        const before = log().length
        redis.freeze()
        try {
          const refused = await thief.browser.copy().submit(`${a.url}/logout-everywhere`)
          expect(refused.status).toBe(503)

          const response = await device.browser.submit(`${a.url}/logout`)

          expect(response.status).toBe(303)
          expect(response.headers.get('location')).toContain(`${provider.url}/session/end?`)
          expect(response.headers.getSetCookie().join('\n')).toMatch(new RegExp(`^${example}_session=;`, 'm'))
        } finally {
          redis.thaw()
        }
        // The browser has lost its cookie. Copies of the cookie are refused as soon as Redis is back.
        expect(await statuses(device)).toEqual([401, 401])
        await expect.poll(() => statuses(thief), { timeout: 15_000 }).toEqual([401, 401])
        const lines = log().slice(before).split('\n')
        expect(lines.filter((line) => line.startsWith('Signed out'))).toEqual([
          expect.stringMatching(/^Signed out, but the logout was not carried out in full: [\w :]+$/),
        ])
      })
    })

    it('a restart loses no logout and no session', { timeout: 60_000 }, async () => {
      const [ended, lasting] = [await signedIn('carol'), await signedIn('carol')]
      await endAt(ended, 'carol')
      await Promise.all(processes.slice(1).map((each) => each.stop()))
      // A process that has ended can hold its port for a moment.
      await expect.poll(() => Promise.all(ports.slice(1).map(isFree)), { timeout: 15_000 }).toEqual([true, true])
      processes = [processes[0]!, ...(await Promise.all([startInstance(ports[1]), startInstance(ports[2])]))]
      expect([(await ended.me(a)).status, (await ended.me(b)).status]).toEqual([401, 401])
      expect([(await lasting.me(a)).status, (await lasting.me(b)).status]).toEqual([200, 200])
    })
  })
})
