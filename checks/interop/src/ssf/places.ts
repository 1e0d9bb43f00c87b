import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { createDevice, type Device } from '../../../../examples/demo/src/device.ts'
import { startExample } from '../../../../examples/demo/src/example-process.ts'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { submitForm } from '../forms.ts'
import { password } from '../providers/keycloak.ts'
import type { KeycloakTransmitter } from './keycloak-transmitter.ts'

export type Places = Awaited<ReturnType<typeof startPlaces>>

/** Starts two instances of the Express example, which share one Redis, and a Koa example that gets no events. */
export async function startPlaces(keycloak: KeycloakTransmitter, redisUrl: string, env: Record<string, string>) {
  const [koaPort, ...ports] = (await freePorts(3)) as [number, number, number]
  const koa = `http://127.0.0.1:${koaPort}`
  const url = `http://127.0.0.1:${ports[0]}`
  const clientId = `express-${ports[0]}`
  const common = {
    ISSUER: keycloak.issuer,
    CLIENT_ID: clientId,
    CLIENT_SECRET: await keycloak.registerApplication(clientId, url),
    SESSION_SECRET: randomBytes(32).toString('base64url'),
    REDIS_URL: redisUrl,
    ...env,
  }
  const other = await startExample('koa', koaPort, {
    ISSUER: keycloak.issuer,
    CLIENT_ID: `koa-${koaPort}`,
    CLIENT_SECRET: await keycloak.registerApplication(`koa-${koaPort}`, koa),
    SESSION_SECRET: randomBytes(32).toString('base64url'),
  })
  const instances = await Promise.all(ports.map((port) => startExample('express', port, common)))
  const apps = instances.map((instance) => ({ ...instance, clientId, name: clientId }))

  /** The statuses of `/me` on both instances. */
  const statusesOf = (device: Device) => Promise.all(apps.map(async (app) => (await device.me(app as never)).status))

  return {
    clientId,
    urls: instances.map((instance) => instance.url),
    /** Signs a user in on a new device. */
    async signIn(user: string, name: string): Promise<Device> {
      const device = createDevice(name)
      const page = await device.browser.get(`${url}/login`)
      const end = await submitForm(device.browser, page, { username: user, password })
      assert.equal(end.url, `${url}/`, `${user} could not sign in: ${end.body.slice(0, 500)}`)
      const there = await device.browser.get(`${koa}/login`)
      assert.equal(there.url, `${koa}/`, 'the user is signed in to the other application, too')
      assert.deepEqual(await statusesOf(device), [200, 200], 'both instances know the session')
      return device
    },
    statusesOf,
    sidOf: async (device: Device): Promise<string> => (await device.me(apps[0] as never)).body.sid!,
    /** Signs the user out at the other application, which also signs the user out at Keycloak (RP-initiated logout). */
    signOutElsewhere: (device: Device) => device.browser.post(`${koa}/logout`),
    /** Waits until both instances answer 401. Returns the time. */
    async signedOut(device: Device): Promise<number> {
      const deadline = Date.now() + 20_000
      while (!(await statusesOf(device)).every((status) => status === 401)) {
        assert.ok(Date.now() < deadline, `the ${device.name} is still signed in`)
        await delay(10)
      }
      return Date.now()
    },
    stop: async () => void (await Promise.all([other, ...instances].map((instance) => instance.stop()))),
  }
}
