import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { readConfig as readHonoConfig } from '../../hono/src/config.ts'
import { createSignIn as createHonoSignIn } from '../../hono/src/sign-in.ts'
import { readConfig as readKoaConfig } from '../../koa/src/config.ts'
import { createSignIn as createKoaSignIn } from '../../koa/src/sign-in.ts'
import { readConfig as readNestConfig } from '../../nestjs/src/config.ts'
import { createSignIn as createNestSignIn } from '../../nestjs/src/sign-in.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

/** An OpenID Provider that issues whatever it is told to. */
async function startProvider() {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'RS256', use: 'sig' }] }
  let idToken = ''

  const server = createServer((request, response) => {
    const issuer = provider.url
    const answers: Record<string, object> = {
      '/.well-known/openid-configuration': {
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
      },
      '/jwks': jwks,
      '/token': { access_token: 'access-token', token_type: 'bearer', id_token: idToken },
    }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answers[request.url!]))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  const provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async willIssue(claims: Record<string, unknown>, header: { typ?: string }): Promise<void> {
      const signing = new SignJWT({ iss: provider.url, sub: 'alice', sid: 'a', ...claims })
      idToken = await signing
        .setProtectedHeader({ alg: 'RS256', ...header })
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(privateKey)
    },
    async stop(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return provider
}

describe.each([
  { example: 'hono', readConfig: readHonoConfig, createSignIn: createHonoSignIn },
  { example: 'koa', readConfig: readKoaConfig, createSignIn: createKoaSignIn },
  { example: 'nestjs', readConfig: readNestConfig, createSignIn: createNestSignIn },
])('$example', ({ example, readConfig, createSignIn }) => {
  let provider: Awaited<ReturnType<typeof startProvider>>

  beforeAll(async () => {
    provider = await startProvider()
  })

  afterAll(() => provider?.stop())

  async function signIn(claims: object, header: { typ?: string } = {}) {
    const { start, finish } = createSignIn(readConfig({ SESSION_SECRET: 'secret', ISSUER: provider.url }))
    const { pending } = await start(undefined)
    await provider.willIssue({ aud: example, nonce: pending.nonce, ...claims }, header)
    return finish(`?code=code&state=${pending.state}`, pending)
  }

  it.each([{}, { typ: 'JWT' }])('takes an ID Token with the header %j', async (header) => {
    expect((await signIn({}, header)).claims).toMatchObject({ sub: 'alice', sid: 'a' })
  })

  it.each([
    ['the type', {}, { typ: 'logout+jwt' }],
    ['the event', { events: { [EVENT]: {} } }, {}],
  ])('T-10: takes none with %s of a Logout Token', async (_, claims, header) => {
    await expect(signIn(claims, header)).rejects.toThrow('the ID Token is a Logout Token')
  })

  it('takes none for another client, or another sign-in', async () => {
    await expect(signIn({ aud: 'other' })).rejects.toThrow()
    await expect(signIn({ nonce: 'other' })).rejects.toThrow()
  })
})
