import assert from 'node:assert/strict'
import { join } from 'node:path'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { submitForm } from '../forms.ts'
import { installKeycloak } from '../install-keycloak.ts'
import type { Browser, Provider, Statement } from '../provider.ts'
import { startServer } from '../start-server.ts'
import { type KeycloakAdmin, keycloakCases } from './keycloak-cases.ts'

export const realm = 'bcl'
const secretOf = (clientId: string): string => `secret-of-${clientId}`
export const password = 'correct horse battery staple'

/** Labels in the admin console. `docs/providers.md` names these labels. */
const labels = [
  'Logout settings',
  'Front channel logout',
  'Backchannel logout URL',
  'Backchannel logout session required',
  'Fine grain OpenID Connect configuration',
  'ID token signature algorithm',
  'Sign out all active sessions',
]

/** Keycloak in development mode, with its database in memory. The test configures it with the admin API. */
export const keycloak: Provider = {
  name: 'Keycloak',
  how: [
    'The test registers the applications with the admin API.',
    "The user signs in on the realm's sign-in page.",
    'The user signs out on the page of `end_session_endpoint`, which ends one session. The request has no `id_token_hint`.',
    '`POST users/{id}/logout` of the admin API ends all sessions.',
  ],
  settings: {},
  form: { typ: 'logout+jwt', lifetime: 120, audience: 'string', sidOf: 'session' },
  followsRedirects: false,

  async start() {
    const home = installKeycloak()
    const [port, managementPort] = (await freePorts(2)) as [number, number]
    const url = `http://127.0.0.1:${port}`
    const stop = await startKeycloak(home, port, managementPort)
    try {
      const admin = createAdmin(url)
      await admin.call('POST', '', { realm, enabled: true }, '/admin/realms')
      await admin.createUser('alice')
      return {
        version: await admin.version(),
        issuer: `${url}/realms/${realm}`,
        async register({ name, redirectUri, postLogoutRedirectUri, backchannelLogoutUri }) {
          const clientSecret = secretOf(name)
          await admin.call('POST', '/clients', {
            clientId: name,
            secret: clientSecret,
            redirectUris: [redirectUri],
            frontchannelLogout: false,
            attributes: {
              'post.logout.redirect.uris': postLogoutRedirectUri,
              'backchannel.logout.url': backchannelLogoutUri,
              'backchannel.logout.session.required': 'true',
            },
          })
          return { clientId: name, clientSecret }
        },
        answerPage: (browser, page, username) => submitForm(browser, page, { username, password }),
        endSession: admin.signOut,
        async endAllSessions(user) {
          await admin.call('POST', `/users/${await admin.userId(user)}/logout`)
        },
        cases: keycloakCases(admin),
        statements: keycloakStatements(admin, url),
        stop,
      }
    } catch (error) {
      await stop()
      throw error
    }
  },
}

/** Statements about the console, dynamic client registration and the names of realms. */
const keycloakStatements = ({ call }: KeycloakAdmin, url: string): Statement[] => [
  {
    text: `The admin console has the labels ${labels.map((label) => `"${label}"`).join(', ')}.`,
    async check() {
      const response = await fetch(`${url}/resources/master/admin/en`)
      const messages = (await response.json()) as { value: string }[]
      for (const label of labels)
        assert.ok(
          messages.some(({ value }) => value === label),
          label,
        )
    },
  },
  {
    text: 'With dynamic client registration, `backchannel_logout_session_required` is false by default.',
    async check() {
      const { token } = (await call('POST', '/clients-initial-access', { count: 1, expiration: 60 })) as {
        token: string
      }
      const response = await fetch(`${url}/realms/${realm}/clients-registrations/openid-connect`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          redirect_uris: [`${url}/callback`],
          backchannel_logout_uri: `${url}/backchannel-logout`,
        }),
      })
      const client = (await response.json()) as Record<string, unknown>
      assert.equal(client['backchannel_logout_uri'], `${url}/backchannel-logout`)
      assert.equal(client['backchannel_logout_session_required'], false)
    },
  },
  {
    text: 'A space in the name of a realm is percent-encoded in the issuer.',
    async check() {
      await call('POST', '', { realm: 'my realm', enabled: true }, '/admin/realms')
      const response = await fetch(`${url}/realms/my%20realm/.well-known/openid-configuration`)
      const { issuer } = (await response.json()) as { issuer: string }
      assert.equal(issuer, `${url}/realms/my%20realm`)
    },
  },
]

/** Starts Keycloak with the additional arguments `more`, and waits until it serves. Returns a function that stops Keycloak. */
export const startKeycloak = (home: string, port: number, managementPort: number, more: readonly string[] = []) =>
  startServer({
    name: 'Keycloak',
    command: [
      join(home, 'bin/kc.sh'),
      'start-dev',
      '--http-host=127.0.0.1',
      `--http-port=${port}`,
      `--http-management-port=${managementPort}`,
      '--db=dev-mem',
      '--cache=local',
      ...more,
    ],
    env: {
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: password,
      JAVA_OPTS_APPEND: '-Xmx512m',
    },
    ready: `http://127.0.0.1:${port}/realms/master`,
  })

export function createAdmin(url: string) {
  async function accessToken(ofRealm: string, username: string): Promise<string> {
    const response = await fetch(`${url}/realms/${ofRealm}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', username, password }),
    })
    return ((await response.json()) as { access_token: string }).access_token
  }

  async function send(token: string, method: string, address: string, body?: object): Promise<unknown> {
    const response = await fetch(address, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
      body: body ? JSON.stringify(body) : null,
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`Keycloak: ${method} ${address}: ${response.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }

  /** Fetches a new access token for each call, because a token lives for a minute. */
  const call = async (method: string, path: string, body?: object, base = `/admin/realms/${realm}`) =>
    send(await accessToken('master', 'admin'), method, url + base + path, body)

  async function callAccount(username: string, method: string, path: string): Promise<unknown> {
    return send(await accessToken(realm, username), method, `${url}/realms/${realm}/account${path}`)
  }

  async function version(): Promise<string> {
    const info = (await call('GET', '/serverinfo', undefined, '/admin')) as { systemInfo: { version: string } }
    return info.systemInfo.version
  }

  const admin: KeycloakAdmin = {
    call,
    callAccount,
    realmUrl: `${url}/realms/${realm}`,
    async createUser(username) {
      await call('POST', '/users', {
        username,
        enabled: true,
        email: `${username}@example.com`,
        emailVerified: true,
        firstName: username,
        lastName: 'Example',
        credentials: [{ type: 'password', value: password, temporary: false }],
      })
    },
    async userId(name) {
      const [user] = (await call('GET', `/users?exact=true&username=${name}`)) as { id: string }[]
      return user!.id
    },
    async updateClient(clientId, changes, attributes = {}) {
      type Client = { id: string; attributes: Record<string, string> }
      const [client] = (await call('GET', `/clients?clientId=${clientId}`)) as Client[]
      await call('PUT', `/clients/${client!.id}`, {
        ...client,
        ...changes,
        attributes: { ...client!.attributes, ...attributes },
      })
    },
    async idToken(clientId, username) {
      const response = await fetch(`${url}/realms/${realm}/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'password',
          scope: 'openid',
          client_id: clientId,
          client_secret: secretOf(clientId),
          username,
          password,
        }),
      })
      return ((await response.json()) as { id_token: string }).id_token
    },
    async signOut(browser: Browser) {
      const page = await browser.get(`${url}/realms/${realm}/protocol/openid-connect/logout`)
      await submitForm(browser, page, { confirmLogout: 'Logout' })
    },
  }
  return { ...admin, call, version }
}
