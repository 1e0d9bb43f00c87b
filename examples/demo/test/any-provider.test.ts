import { randomBytes } from 'node:crypto'

import { exportJWK, generateKeyPair } from 'jose'
import { afterEach, describe, expect, it } from 'vitest'

import { createDevice } from '../src/device.ts'
import { callbackPath, startExample } from '../src/example-process.ts'
import { freePorts } from '../src/free-ports.ts'
import { createProviderClient } from '../src/provider-client.ts'
import { startStack } from '../src/stack.ts'

const started: { stop(): Promise<void> }[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map((each) => each.stop()))
})

/** Stops the process after the test. */
function stopLater<T extends { stop(): Promise<void> }>(process: T): T {
  started.push(process)
  return process
}

/** Prepares an application and its provider. After a restart, the provider has new keys and no sessions. */
async function prepare(example: string) {
  const [providerPort, port] = (await freePorts(2)) as [number, number]
  const [issuer, url] = [`http://127.0.0.1:${providerPort}`, `http://127.0.0.1:${port}`]
  const clientSecret = randomBytes(16).toString('base64url')
  const client = {
    client_id: example,
    client_secret: clientSecret,
    redirect_uris: [url + callbackPath(example)],
    post_logout_redirect_uris: [`${url}/`],
    backchannel_logout_uri: `${url}/backchannel-logout`,
  }
  const env = {
    ISSUER: issuer,
    CLIENT_ID: example,
    CLIENT_SECRET: clientSecret,
    SESSION_SECRET: randomBytes(32).toString('base64url'),
  }
  return {
    app: { clientId: example, url },
    provider: createProviderClient(issuer),
    startProvider: async () =>
      stopLater(await startExample('provider', providerPort, { ISSUER: issuer, CLIENTS: JSON.stringify([client]) })),
    startApp: async (more: Record<string, string> = {}, untilReady = true) =>
      stopLater(await startExample(example, port, { ...env, ...more }, { untilReady })),
  }
}

describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'])('%s', { timeout: 60_000 }, (example) => {
  it('starts before its provider, and is ready once the provider has started', async () => {
    const { app, provider, startApp, startProvider } = await prepare(example)
    const { output } = await startApp({}, false)
    const health = async () => (await fetch(`${app.url}/healthz`)).status
    expect(await health()).toBe(503)
    expect((await fetch(`${app.url}/`)).status).toBe(200)
    expect((await fetch(`${app.url}/login`)).status).toBe(503)
    expect(output()).toMatch(/^No keys of the provider, next try in 5 s: .+: connect ECONNREFUSED .+$/m)
    expect(output()).toMatch(/^Sign-in not started: .+$/m)

    const { stop } = await startProvider()
    await expect.poll(health, { timeout: 30_000, interval: 200 }).toBe(200)
    const device = createDevice('laptop')
    await device.signIn(app, 'alice')
    expect(await provider.endSessionsOf('alice')).toMatchObject([{ status: 200 }])
    expect((await device.me(app)).status).toBe(401)

    await stop()
    expect(await health()).toBe(200)
  })

  it('signs in, and is signed out, right after the provider has rotated its keys', async () => {
    const { app, provider, startApp, startProvider } = await prepare(example)
    const first = await startProvider()
    await startApp()
    await createDevice('laptop').signIn(app, 'alice')
    await first.stop()
    await startProvider()

    const device = createDevice('laptop')
    await device.signIn(app, 'alice')

    expect((await device.me(app)).body.sub).toBe('alice')
    expect(await provider.endSessionsOf('alice')).toMatchObject([{ status: 200 }])
    expect((await device.me(app)).status).toBe(401)
  })

  it('works with client_secret_post, ES256, HS256, and encrypted tokens', async () => {
    const pair = await generateKeyPair('RSA-OAEP', { extractable: true })
    const kid = 'enc-1'
    const decryption = {
      keys: [{ ...(await exportJWK(pair.privateKey)), kid }],
      alg: ['RSA-OAEP'],
      enc: ['A256GCM'],
      required: true,
    }
    const stack = stopLater(
      await startStack([
        {
          example,
          clientId: 'encrypted',
          metadata: {
            token_endpoint_auth_method: 'client_secret_post',
            id_token_signed_response_alg: 'ES256',
            id_token_encrypted_response_alg: 'RSA-OAEP',
            id_token_encrypted_response_enc: 'A256GCM',
            jwks: { keys: [{ ...(await exportJWK(pair.publicKey)), kid, use: 'enc', alg: 'RSA-OAEP' }] },
          },
          env: {
            CLIENT_AUTH: 'client_secret_post',
            ISSUER_OPTIONS: JSON.stringify({ algorithms: ['ES256'], decryption, requireSid: true }),
          },
        },
        {
          example,
          clientId: 'hs256',
          metadata: { id_token_signed_response_alg: 'HS256' },
          env: { ISSUER_OPTIONS: JSON.stringify({ algorithms: ['HS256'] }) },
        },
      ]),
    )

    for (const app of stack.apps) {
      const [laptop, phone] = [createDevice('laptop'), createDevice('phone')]
      for (const device of [laptop, phone]) await device.signIn(app, 'alice')
      const { sid } = (await laptop.me(app)).body
      const sessions = await stack.provider.sessionsOf('alice')
      const { uid } = sessions.find(({ clients }) => clients.some((client) => client.sid === sid))!
      expect(await stack.provider.endSession(uid), app.output()).toMatchObject([{ status: 200 }])
      expect((await laptop.me(app)).status).toBe(401)
      expect((await phone.me(app)).status).toBe(200)
      // The id_token_hint is valid, so the provider signs the user out without asking.
      expect(await phone.signOut(app)).toMatchObject({ status: 200, url: `${app.url}/` })
    }
  })
})
