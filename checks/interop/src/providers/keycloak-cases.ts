import assert from 'node:assert/strict'
import type { Case, LabOptions, SignedIn } from '../provider.ts'

/** The functions of Keycloak's admin API for the cases. */
export interface KeycloakAdmin {
  /** Calls the admin API of the realm. */
  call(method: string, path: string, body?: object): Promise<unknown>
  createUser(name: string): Promise<void>
  userId(name: string): Promise<string>
  /** Changes a client. Attributes are merged. */
  updateClient(clientId: string, changes: object, attributes?: Record<string, string>): Promise<void>
  /** Signs the browser out at Keycloak's own page. */
  signOut(browser: SignedIn['laptop']): Promise<void>
}

interface Expected {
  name: string
  /** The number of Logout Tokens that Keycloak sends. */
  tokens: number
  /** The devices that are still signed in after the action. `one` means either of the two. */
  signedIn: 'both' | 'phone' | 'one' | 'none'
  /** @default { alg: 'RS256', sid: true } */
  token?: { alg?: string; sid?: boolean }
  prepare?: LabOptions
  act(signedIn: SignedIn): Promise<unknown>
}

/** There are two applications and two devices: four Logout Tokens end all sessions, and two Logout Tokens end one session. */
export function keycloakCases(admin: KeycloakAdmin): Case[] {
  const { call, createUser, userId, updateClient, signOut } = admin
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
      act: async ({ user }) => call('POST', `/users/${await userId(user)}/logout`),
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
      async act({ user }) {
        await call('POST', `/users/${await userId(user)}/logout`)
        await call('PUT', `/users/${await userId(user)}`, { enabled: false })
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
    signedWith('EdDSA', 'eddsa-generated', { eddsaEllipticCurveKey: ['Ed25519'] }),
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
  return expectations.map((expected, index) => ({
    name: expected.name,
    async run(lab) {
      const user = `user-${index}`
      await createUser(user)
      const signedIn = await lab.signedIn({ user, ...expected.prepare })
      const seen = await signedIn.after(() => expected.act(signedIn))
      assert.equal(seen.tokens.length, expected.tokens, 'the number of Logout Tokens')
      for (const { header, claims, status } of seen.tokens) {
        assert.equal(status, 200, 'the answer to a Logout Token')
        assert.equal(header['alg'], expected.token?.alg ?? 'RS256')
        assert.equal('sid' in claims, expected.token?.sid ?? true, 'whether there is a sid')
      }
      const devices = seen.signedIn.length === 1 && expected.signedIn === 'one' ? 'one' : describe(seen.signedIn)
      assert.equal(devices, expected.signedIn, 'the devices that are signed in')
      return { tokens: seen.tokens.length, signedIn: devices }
    },
  }))
}

function describe(devices: readonly string[]): string {
  return devices.length === 2 ? 'both' : (devices[0] ?? 'none')
}
