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

/** Starts two instances of the Express example, which share one Redis. */
export async function startPlaces(keycloak: KeycloakTransmitter, redisUrl: string, env: Record<string, string>) {
  const ports = (await freePorts(2)) as [number, number]
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
      assert.deepEqual(await statusesOf(device), [200, 200], 'both instances know the session')
      return device
    },
    statusesOf,
    /** Waits until both instances answer 401. Returns the time. */
    async signedOut(device: Device): Promise<number> {
      const deadline = Date.now() + 60_000
      while (!(await statusesOf(device)).every((status) => status === 401)) {
        assert.ok(Date.now() < deadline, `the ${device.name} is still signed in`)
        await delay(10)
      }
      return Date.now()
    },
    stop: async () => void (await Promise.all(instances.map((instance) => instance.stop()))),
  }
}
