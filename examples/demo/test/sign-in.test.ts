import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { CompactEncrypt, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { readConfig as readExpressConfig } from '../../express/src/config.ts'
import { createSignIn as createExpressSignIn } from '../../express/src/shared/sign-in.ts'
import { readConfig as readFastifyConfig } from '../../fastify/src/config.ts'
import { createSignIn as createFastifySignIn } from '../../fastify/src/shared/sign-in.ts'
import { readConfig as readHonoConfig } from '../../hono/src/config.ts'
import { createSignIn as createHonoSignIn } from '../../hono/src/shared/sign-in.ts'
import { readConfig as readKoaConfig } from '../../koa/src/config.ts'
import { createSignIn as createKoaSignIn } from '../../koa/src/shared/sign-in.ts'
import { readConfig as readNestConfig } from '../../nestjs/src/config.ts'
import { createSignIn as createNestSignIn } from '../../nestjs/src/shared/sign-in.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

const SECRET = 'a-secret_of.our~own'

/** A key that decrypts the ID Tokens of a client that is registered for `dir`. */
const symmetric = { kty: 'oct', k: 'AAECAwQFBgcICQoLDA0ODw' }

/** An OpenID Provider that issues the ID Token of the test. */
async function startProvider() {
  let pair = await generateKeyPair('RS256')
  let kid: string | undefined
  let jwksPath = '/jwks'
  let idToken = ''
  let accepts = (_authorization: string | undefined, _form: URLSearchParams) => true

  const server = createServer(async (request, response) => {
    const issuer = provider.url
    const json = (body: object, status = 200) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.url === '/.well-known/openid-configuration') {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/auth`,
        token_endpoint: `${issuer}/token`,
        end_session_endpoint: `${issuer}/end`,
        jwks_uri: issuer + jwksPath,
        id_token_signing_alg_values_supported: ['RS256', 'HS256'],
      })
    }
    if (request.url === jwksPath) {
      return json({ keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'RS256', use: 'sig', ...(kid && { kid }) }] })
    }
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString())
    if (request.url !== '/token') return json({ error: 'not_found' }, 404)
    if (!accepts(request.headers.authorization, form)) return json({ error: 'invalid_client' }, 401)
    json({ access_token: 'access-token', token_type: 'bearer', id_token: idToken })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  const claimsOf = (claims: Record<string, unknown>) =>
    new SignJWT({ iss: provider.url, sub: 'alice', sid: 'a', ...claims }).setIssuedAt().setExpirationTime('10m')

  const provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async rotateKeys(newKid?: string): Promise<void> {
      pair = await generateKeyPair('RS256')
      kid = newKid
    },
    moveKeys(path: string): void {
      jwksPath = path
    },
    acceptClients(rule: typeof accepts): void {
      accepts = rule
    },
    async willIssue(claims: Record<string, unknown>, header: { typ?: string } = {}): Promise<void> {
      const protectedHeader = { alg: 'RS256', ...(kid && { kid }), ...header }
      idToken = await claimsOf(claims).setProtectedHeader(protectedHeader).sign(pair.privateKey)
    },
    async willIssueByHmac(claims: Record<string, unknown>): Promise<void> {
      idToken = await claimsOf(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET))
    },
    async willEncrypt(): Promise<string> {
      const plain = idToken
      idToken = await new CompactEncrypt(new TextEncoder().encode(plain))
        .setProtectedHeader({ alg: 'dir', enc: 'A128GCM' })
        .encrypt(symmetric)
      return plain
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
  { example: 'express', readConfig: readExpressConfig, createSignIn: createExpressSignIn },
  { example: 'fastify', readConfig: readFastifyConfig, createSignIn: createFastifySignIn },
])('$example', ({ example, readConfig, createSignIn }) => {
  let provider: Awaited<ReturnType<typeof startProvider>>

  beforeEach(async () => {
    provider = await startProvider()
  })

  afterEach(() => provider?.stop())

  const createFor = (env: NodeJS.ProcessEnv = {}) =>
    createSignIn(readConfig({ SESSION_SECRET: 'secret', ISSUER: provider.url, CLIENT_SECRET: SECRET, ...env }))

  async function signIn(claims: object, header: { typ?: string } = {}, { start, finish } = createFor()) {
    const { pending } = await start(undefined)
    await provider.willIssue({ aud: example, nonce: pending.nonce, ...claims }, header)
    return finish(`?code=code&state=${pending.state}`, pending)
  }

  it.each([{}, { typ: 'JWT' }])('accepts an ID Token with the header %j', async (header) => {
    expect((await signIn({}, header)).claims).toMatchObject({ sub: 'alice', sid: 'a' })
  })

  it.each([
    ['the type', {}, { typ: 'logout+jwt' }],
    ['the event', { events: { [EVENT]: {} } }, {}],
  ])('T-10: refuses an ID Token with %s of a Logout Token', async (_, claims, header) => {
    await expect(signIn(claims, header)).rejects.toThrow('the ID Token is a Logout Token')
  })

  it('refuses an ID Token for another client or another sign-in', async () => {
    await expect(signIn({ aud: 'other' })).rejects.toThrow()
    await expect(signIn({ nonce: 'other' })).rejects.toThrow()
  })

  it('refuses an ID Token with a forged signature', async () => {
    const { start, finish } = createFor()
    const { pending } = await start(undefined)
    await provider.willIssue({ aud: example, nonce: pending.nonce })
    await provider.rotateKeys()
    await expect(finish(`?code=code&state=${pending.state}`, pending)).rejects.toThrow()
  })

  it.each([
    ['under another kid', 'key-1', 'key-2'],
    ['under the same kid', 'key-1', 'key-1'],
    ['without kid', undefined, undefined],
  ])('accepts an ID Token right after the provider has rotated its keys, %s', async (_, before, after) => {
    const signIns = createFor()
    await provider.rotateKeys(before)
    await signIn({}, {}, signIns)
    await provider.rotateKeys(after)
    expect((await signIn({}, {}, signIns)).claims).toMatchObject({ sub: 'alice' })
  })

  it('finds keys at a new address when the discovery document is 10 minutes old', async () => {
    const signIns = createFor()
    await signIn({}, {}, signIns)
    vi.useFakeTimers({ now: Date.now(), toFake: ['Date'] })
    try {
      provider.moveKeys('/other-jwks')
      await expect(signIn({}, {}, signIns)).rejects.toThrow()
      vi.setSystemTime(Date.now() + 10 * 60 * 1000)
      expect((await signIn({}, {}, signIns)).claims).toMatchObject({ sub: 'alice' })
    } finally {
      vi.useRealTimers()
    }
  })

  it('T-16: percent-encodes the secret with client_secret_basic, but not with client_secret_post', async () => {
    // This provider does not decode the secret. Glewlwyd 2.7 and LemonLDAP::NG 2.21 do the same.
    provider.acceptClients((authorization, form) => {
      const [user, password] = atob(authorization?.slice('Basic '.length) ?? '').split(':')
      return (
        (user === example && password === SECRET) ||
        (form.get('client_id') === example && form.get('client_secret') === SECRET)
      )
    })
    await expect(signIn({})).rejects.toMatchObject({ error: 'invalid_client' })
    await expect(signIn({}, {}, createFor({ CLIENT_AUTH: 'client_secret_post' }))).resolves.toBeDefined()

    // This provider decodes the secret, as RFC 6749 requires.
    provider.acceptClients((authorization) => {
      const [user, password] = atob(authorization?.slice('Basic '.length) ?? '')
        .split(':')
        .map(decodeURIComponent)
      return user === example && password === SECRET
    })
    await expect(signIn({})).resolves.toBeDefined()
  })

  it('accepts an ID Token that is signed with the client secret if ISSUER_OPTIONS has the algorithm', async () => {
    const signInByHmac = async (env: NodeJS.ProcessEnv) => {
      const { start, finish } = createFor(env)
      const { pending } = await start(undefined)
      await provider.willIssueByHmac({ aud: example, nonce: pending.nonce })
      return finish(`?code=code&state=${pending.state}`, pending)
    }
    expect((await signInByHmac({ ISSUER_OPTIONS: '{"algorithms":["HS256"]}' })).claims).toMatchObject({ sub: 'alice' })
    await expect(signInByHmac({})).rejects.toThrow()
  })

  describe('with encrypted ID Tokens', () => {
    const decryption = (key: object) => ({
      ISSUER_OPTIONS: JSON.stringify({ decryption: { keys: [key], alg: ['dir'], enc: ['A128GCM'] } }),
    })

    async function signInEncrypted(key: object, header: { typ?: string } = {}) {
      const signIns = createFor(decryption(key))
      const { pending } = await signIns.start(undefined)
      await provider.willIssue({ aud: example, nonce: pending.nonce }, header)
      const plain = await provider.willEncrypt()
      return { plain, ...(await signIns.finish(`?code=code&state=${pending.state}`, pending)), signIns }
    }

    it('decrypts the ID Token, and sends the decrypted ID Token as id_token_hint', async () => {
      const { claims, idToken, plain, signIns } = await signInEncrypted(symmetric)
      expect(claims).toMatchObject({ sub: 'alice' })
      expect(idToken).toBe(plain)
      expect((await signIns.endSessionUrl(idToken)).searchParams.get('id_token_hint')).toBe(plain)
    })

    it('also accepts an ID Token that is not encrypted', async () => {
      expect((await signIn({}, {}, createFor(decryption(symmetric)))).claims).toMatchObject({ sub: 'alice' })
    })

    it('refuses an ID Token that is encrypted with another key', async () => {
      await expect(signInEncrypted({ ...symmetric, k: 'AAAAAAAAAAAAAAAAAAAAAA' })).rejects.toThrow()
    })

    it('T-10: refuses an encrypted Logout Token', async () => {
      await expect(signInEncrypted(symmetric, { typ: 'logout+jwt' })).rejects.toThrow('the ID Token is a Logout Token')
    })
  })
})
