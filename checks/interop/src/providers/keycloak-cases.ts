import assert from 'node:assert/strict'
import { exportJWK, generateKeyPair } from 'jose'
import { type Expected, expectedCase } from '../expected-case.ts'
import type { Case, LabOptions, SignedIn } from '../provider.ts'

/** The functions of Keycloak's admin API for the cases. */
export interface KeycloakAdmin {
  /** Calls the admin API of the realm. */
  call(method: string, path: string, body?: object, base?: string): Promise<unknown>
  createUser(name: string): Promise<void>
  userId(name: string): Promise<string>
  /** Changes a client. Other attributes of the client stay. */
  updateClient(clientId: string, changes: object, attributes?: Record<string, string>): Promise<void>
  /** Calls the API of the account page as the user. The user gets another session for this call. */
  callAccount(user: string, method: string, path: string): Promise<unknown>
  /** Returns an ID Token of another session of the user. The client needs direct access grants. */
  idToken(clientId: string, user: string): Promise<string>
  /** The address of the realm. */
  realmUrl: string
  /** Signs the browser out at Keycloak's own page. */
  signOut(browser: SignedIn['laptop']): Promise<void>
}

/** The attributes of a client whose ID Tokens are encrypted with a new key. */
async function encryptionAttributes(): Promise<Record<string, string>> {
  const { publicKey } = await generateKeyPair('RSA-OAEP', { extractable: true })
  const key = { ...(await exportJWK(publicKey)), kid: 'encryption', use: 'enc', alg: 'RSA-OAEP' }
  return {
    'id.token.encrypted.response.alg': 'RSA-OAEP',
    'id.token.encrypted.response.enc': 'A256GCM',
    'use.jwks.string': 'true',
    'jwks.string': JSON.stringify({ keys: [key] }),
  }
}

export function keycloakCases(admin: KeycloakAdmin): Case[] {
  const { call, callAccount, createUser, userId, updateClient, signOut, idToken, realmUrl } = admin
  const withAttributes = (attributes: Record<string, string>): LabOptions => ({
    configure: (clientId) => updateClient(clientId, {}, attributes),
  })
  const addKeys = (providerId: string, config: Record<string, string[]>) =>
    call('POST', '/components', {
      name: `${providerId} of the run`,
      providerId,
      providerType: 'org.keycloak.keys.KeyProvider',
      config,
    })
  const signedWith = (alg: string, providerId: string, config: Record<string, string[]>): Expected => ({
    name: `the client's ID Tokens are signed with ${alg}`,
    tokens: 2,
    signedIn: 'phone',
    token: { alg },
    prepare: {
      settings: { algorithms: [alg] },
      async configure(clientId) {
        await addKeys(providerId, config)
        await updateClient(clientId, {}, { 'id.token.signed.response.alg': alg })
      },
    },
    act: ({ laptop }) => signOut(laptop),
  })

  const signOutUser = async ({ user }: SignedIn) => call('POST', `/users/${await userId(user)}/logout`)
  const setFrontendUrl = (frontendUrl: string) => call('PUT', '', { attributes: { frontendUrl } })
  /** Makes each sign-in of the client ask for `offline_access`. */
  const requestOfflineAccess = async (clientId: string) => {
    const scopes = (await call('GET', '/client-scopes')) as { id: string; name: string }[]
    const [client] = (await call('GET', `/clients?clientId=${clientId}`)) as { id: string }[]
    const { id } = scopes.find(({ name }) => name === 'offline_access')!
    await call('DELETE', `/clients/${client!.id}/optional-client-scopes/${id}`)
    await call('PUT', `/clients/${client!.id}/default-client-scopes/${id}`)
  }

  const expectations: Expected[] = [
    {
      name: 'RP-initiated logout',
      tokens: 2,
      signedIn: 'phone',
      act: ({ laptop, urls }) => laptop.post(`${urls[0]}/logout`),
    },
    {
      name: 'admin: sign out one user',
      tokens: 4,
      signedIn: 'none',
      act: signOutUser,
    },
    {
      name: 'admin: delete one session',
      tokens: 2,
      signedIn: 'one',
      async act({ user }) {
        const [session] = (await call('GET', `/users/${await userId(user)}/sessions`)) as { id: string }[]
        await call('DELETE', `/sessions/${session!.id}`)
      },
    },
    {
      name: 'account page: sign out one session',
      tokens: 2,
      signedIn: 'one',
      async act({ user, clientIds }) {
        type Session = { id: string; clients: { clientId: string }[] }
        const sessions = (await callAccount(user, 'GET', '/sessions')) as Session[]
        const session = sessions.find(({ clients }) => clients.some(({ clientId }) => clientId === clientIds[0]))
        await callAccount(user, 'DELETE', `/sessions/${session!.id}`)
      },
    },
    {
      name: 'account page: sign out all other sessions',
      tokens: 4,
      signedIn: 'none',
      act: ({ user }) => callAccount(user, 'DELETE', '/sessions'),
    },
    {
      name: 'admin: sign out all active sessions of the realm',
      tokens: 0,
      signedIn: 'both',
      act: () => call('POST', '/logout-all'),
    },
    {
      name: 'admin: disable the user',
      tokens: 0,
      signedIn: 'both',
      act: async ({ user }) => call('PUT', `/users/${await userId(user)}`, { enabled: false }),
    },
    {
      name: 'admin: delete the user',
      tokens: 0,
      signedIn: 'both',
      act: async ({ user }) => call('DELETE', `/users/${await userId(user)}`),
    },
    {
      name: 'admin: sign out one user, and then disable the user',
      tokens: 4,
      signedIn: 'none',
      async act(signedIn) {
        await signOutUser(signedIn)
        await call('PUT', `/users/${await userId(signedIn.user)}`, { enabled: false })
      },
    },
    {
      name: 'admin: disable the clients',
      tokens: 0,
      signedIn: 'both',
      act: ({ clientIds }) => Promise.all(clientIds.map((clientId) => updateClient(clientId, { enabled: false }))),
    },
    {
      name: 'admin: reset the password',
      tokens: 0,
      signedIn: 'both',
      act: async ({ user }) =>
        call('PUT', `/users/${await userId(user)}/reset-password`, {
          type: 'password',
          value: 'new',
          temporary: false,
        }),
    },
    {
      name: '"Front channel logout" is on, and a user signs out',
      tokens: 0,
      signedIn: 'both',
      prepare: { configure: (clientId) => updateClient(clientId, { frontchannelLogout: true }) },
      act: ({ laptop }) => signOut(laptop),
    },
    {
      name: '"Backchannel logout session required" is off, and a user signs out',
      tokens: 2,
      signedIn: 'none',
      token: { sid: false },
      prepare: withAttributes({ 'backchannel.logout.session.required': 'false' }),
      act: ({ laptop }) => signOut(laptop),
    },
    signedWith('ES256', 'ecdsa-generated', { ecdsaEllipticCurveKey: ['P-256'] }),
    signedWith('PS256', 'rsa-generated', { algorithm: ['PS256'] }),
    signedWith('ES384', 'ecdsa-generated', { ecdsaEllipticCurveKey: ['P-384'] }),
    signedWith('RS512', 'rsa-generated', { algorithm: ['RS512'] }),
    signedWith('EdDSA', 'eddsa-generated', { eddsaEllipticCurveKey: ['Ed25519'] }),
    {
      name: 'the client has no algorithm, and the default of the realm has been ES256 since the sign-in',
      tokens: 2,
      signedIn: 'phone',
      token: { alg: 'ES256' },
      prepare: { settings: { algorithms: ['RS256', 'ES256'] } },
      async act({ laptop }) {
        await addKeys('ecdsa-generated', { ecdsaEllipticCurveKey: ['P-256'] })
        await call('PUT', '', { defaultSignatureAlgorithm: 'ES256' })
        await signOut(laptop).finally(() => call('PUT', '', { defaultSignatureAlgorithm: 'RS256' }))
      },
    },
    {
      name: "the client's ID Tokens have been encrypted since the sign-in, and a user signs out",
      tokens: 2,
      signedIn: 'phone',
      async act({ user, clientIds, laptop }) {
        for (const clientId of clientIds) {
          await updateClient(clientId, { directAccessGrantsEnabled: true }, await encryptionAttributes())
          assert.equal((await idToken(clientId, user)).split('.').length, 5, 'the parts of an encrypted ID Token')
        }
        await signOut(laptop)
      },
    },
    {
      name: "the client's ID Tokens are signed with HS256 since the sign-in, and the application has the client secret",
      tokens: 2,
      signedIn: 'both',
      token: { alg: 'HS256' },
      status: 400,
      prepare: { settings: ({ clientSecret }) => ({ algorithms: ['RS256', 'HS256'], clientSecret }) },
      async act({ clientIds, laptop }) {
        await addKeys('hmac-generated', { algorithm: ['HS256'] })
        for (const clientId of clientIds) await updateClient(clientId, {}, { 'id.token.signed.response.alg': 'HS256' })
        await signOut(laptop)
      },
    },
    {
      name: '`offline_access` was requested at each sign-in, and an admin signs out the user',
      tokens: 0,
      signedIn: 'both',
      prepare: { configure: requestOfflineAccess },
      act: signOutUser,
    },
    {
      name: 'the hostname has changed since the sign-in, and an admin signs out the user',
      tokens: 4,
      signedIn: 'none',
      prepare: { settings: { keys: `${realmUrl}/protocol/openid-connect/certs` } },
      async act(signedIn) {
        await setFrontendUrl(realmUrl.replace('127.0.0.1', 'localhost').replace(/\/realms\/.*/, ''))
        await signOutUser(signedIn).finally(() => setFrontendUrl(''))
      },
    },
    {
      name: 'the realm has a new key since the sign-in, and a user signs out',
      tokens: 2,
      signedIn: 'phone',
      async act({ laptop }) {
        await addKeys('rsa-generated', { priority: ['1000'] })
        await signOut(laptop)
      },
    },
  ]
  return expectations.map((expected, index) => {
    const user = `user-${index}`
    return expectedCase(expected, user, () => createUser(user))
  })
}
