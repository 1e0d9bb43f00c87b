import { randomBytes } from 'node:crypto'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { type ExampleProcess, startExample } from '../src/example-process.ts'
import { freePorts } from '../src/free-ports.ts'
import { createProviderClient, type ProviderClient } from '../src/provider-client.ts'
import { type Party, startRelyingParty } from './relying-party.ts'

const EVENT = 'http://schemas.openid.net/event/backchannel-logout'

const pair = await generateKeyPair('RSA-OAEP', { extractable: true })
const publicKey = { ...(await exportJWK(pair.publicKey)), kid: 'enc-1', use: 'enc', alg: 'RSA-OAEP' }
const privateKey = { ...(await exportJWK(pair.privateKey)), kid: 'enc-1' }
const secret = () => randomBytes(32).toString('base64url')
const hsSecret = secret()

const parties = {
  hs256: {
    clientId: 'hs256',
    clientSecret: hsSecret,
    metadata: { id_token_signed_response_alg: 'HS256' },
    settings: { algorithms: ['HS256'], clientSecret: hsSecret },
  },
  encrypted: {
    clientId: 'encrypted',
    clientSecret: secret(),
    metadata: {
      id_token_encrypted_response_alg: 'RSA-OAEP',
      id_token_encrypted_response_enc: 'A256GCM',
      jwks: { keys: [publicKey] },
    },
    settings: { decryption: { keys: [privateKey], alg: ['RSA-OAEP'], enc: ['A256GCM'], required: true } },
  },
  es256: {
    clientId: 'es256',
    clientSecret: secret(),
    metadata: { id_token_signed_response_alg: 'ES256' },
    settings: { algorithms: ['ES256'] },
  },
  pairwise: { clientId: 'pairwise', clientSecret: secret(), metadata: { subject_type: 'pairwise' }, settings: {} },
  plain: { clientId: 'plain', clientSecret: secret(), metadata: {}, settings: {} },
} satisfies Record<string, Party>

type RelyingParty = Awaited<ReturnType<typeof startRelyingParty>>

let example: ExampleProcess
let provider: ProviderClient
let started: Record<keyof typeof parties, RelyingParty>

beforeAll(async () => {
  const [port] = (await freePorts(1)) as [number]
  const issuer = `http://127.0.0.1:${port}`
  const all = Object.entries(parties).map(async ([name, party]) => [name, await startRelyingParty(issuer, party)])
  started = Object.fromEntries(await Promise.all(all))
  const clients = Object.values(started).map(({ registration }) => registration)
  example = await startExample('provider', port, { ISSUER: issuer, CLIENTS: JSON.stringify(clients) })
  provider = createProviderClient(issuer)
})

afterAll(async () => {
  await Promise.all(Object.values(started ?? {}).map((party) => party.stop()))
  await example?.stop()
})

/** Signs a user in twice, and ends the first session at the provider. Checks the form of the Logout Token and returns it. */
async function ended(name: keyof typeof parties, user: string) {
  const party = started[name]
  const [session, another] = [await party.signIn(user), await party.signIn(user)]
  expect(await party.logout.isLoggedOut(session)).toBe(false)
  const sessions = await provider.sessionsOf(user)
  const { uid } = sessions.find(({ clients }) => clients.some(({ sid }) => sid === session.sid))!

  const [delivery, ...more] = await provider.endSession(uid)

  expect(more).toEqual([])
  expect(delivery).toMatchObject({ client_id: name, status: 200, body: '' })
  expect(party.deliveries.at(-1)).toMatchObject({ outcome: 'logged_out', iss: provider.url, clientIds: [name] })
  expect(await party.logout.isLoggedOut(session)).toBe(true)
  expect(await party.logout.isLoggedOut(another)).toBe(false)
  return { token: delivery!.logout_token, session }
}

/** Returns the answer of a Relying Party that is configured only with the issuer and the client. */
async function codeByDefault(clientId: string, token: string) {
  const issuers = [{ issuer: provider.url, clientId }]
  const untuned = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  return untuned.receive(token).then(
    () => 'accepted',
    (error: { code: string }) => error.code,
  )
}

describe('the real Logout Token of a client', () => {
  it('RP-14: is signed with the client secret if the client is registered for HS256', async () => {
    const { token } = await ended('hs256', 'alice')
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'HS256', typ: 'logout+jwt' })
    expect(await codeByDefault('hs256', token)).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  })

  it('RP-16: is encrypted if the ID Tokens of the client are encrypted', async () => {
    const { token } = await ended('encrypted', 'alice')
    expect(token.split('.')).toHaveLength(5)
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'RSA-OAEP', enc: 'A256GCM', iss: provider.url })
    expect(await codeByDefault('encrypted', token)).toBe('ERR_LOGOUT_TOKEN_INVALID')
  })

  it('RP-13: is signed with ES256 if the client is registered for ES256', async () => {
    const { token } = await ended('es256', 'bob')
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: 'ES256' })
    expect(await codeByDefault('es256', token)).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
  })

  it('RP-33: has the subject of the ID Tokens of the client if subjects are pairwise', async () => {
    const { token, session } = await ended('pairwise', 'carol')
    expect(session.sub).not.toBe('carol')
    expect(decodeJwt(token)).toMatchObject({ sub: session.sub, sid: session.sid, events: { [EVENT]: {} } })
    expect(await codeByDefault('pairwise', token)).toBe('accepted')
  })

  it('RP-12: is refused by another client', async () => {
    const { token } = await ended('plain', 'dave')
    expect(await codeByDefault('plain', token)).toBe('accepted')
    expect(await codeByDefault('es256', token)).toBe('ERR_LOGOUT_TOKEN_CLAIM')
  })
})
