import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { submitForm } from '../forms.ts'
import { installKeycloak } from '../install-keycloak.ts'
import type { Browser, Provider } from '../provider.ts'
import { type KeycloakAdmin, keycloakCases } from './keycloak-cases.ts'

export const realm = 'bcl'
export const password = 'correct horse battery staple'
const START_TIMEOUT_MS = 600_000

/** Keycloak in development mode, with its database in memory. The test configures it with the admin API. */
export const keycloak: Provider = {
  name: 'Keycloak',
  how: [
    'The test registers the applications with the admin API.',
    "The user signs in on the realm's sign-in page.",
    'The page of `end_session_endpoint` ends one session, without an ID Token.',
    '`POST users/{id}/logout` of the admin API ends all sessions.',
  ],
  settings: {},

  async start() {
    const home = await installKeycloak()
    const [port, managementPort] = (await freePorts(2)) as [number, number]
    const url = `http://127.0.0.1:${port}`
    const stop = await startServer(home, port, managementPort)
    try {
      const admin = createAdmin(url)
      await admin.call('POST', '', { realm, enabled: true }, '/admin/realms')
      await admin.createUser('alice')
      return {
        version: await admin.version(),
        issuer: `${url}/realms/${realm}`,
        async register({ name, redirectUri, postLogoutRedirectUri, backchannelLogoutUri }) {
          const clientSecret = `secret-of-${name}`
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
        stop,
      }
    } catch (error) {
      await stop()
      throw error
    }
  },
}

/** Starts Keycloak, and waits until it serves. Returns a function that stops it. */
export async function startServer(
  home: string,
  port: number,
  managementPort: number,
  more: readonly string[] = [],
): Promise<() => Promise<void>> {
  const args = ['start-dev', '--http-host=127.0.0.1', `--http-port=${port}`, '--db=dev-mem', '--cache=local']
  const child = spawn(join(home, 'bin/kc.sh'), [...args, `--http-management-port=${managementPort}`, ...more], {
    // The script starts Java, so both need a process group of their own.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: password,
      JAVA_OPTS_APPEND: '-Xmx512m',
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  await once(child, 'spawn')
  const ended = once(child, 'close')
  const kill = () => {
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL')
  }
  process.once('exit', kill)
  const stop = async () => {
    kill()
    await ended
    process.off('exit', kill)
  }
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await answers(`http://127.0.0.1:${port}/realms/master`))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`Keycloak did not start: ${output.slice(-2000)}`)
    }
    await delay(250)
  }
  return stop
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

export function createAdmin(url: string) {
  /** Fetches a new access token for each call, because a token lives for a minute. */
  async function call(method: string, path: string, body?: object, base = `/admin/realms/${realm}`): Promise<unknown> {
    const grant = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password }
    const signedIn = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams(grant),
    })
    const { access_token } = (await signedIn.json()) as { access_token: string }
    const response = await fetch(url + base + path, {
      method,
      headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
      body: body ? JSON.stringify(body) : null,
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`Keycloak: ${method} ${path}: ${response.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }

  async function version(): Promise<string> {
    const info = (await call('GET', '/serverinfo', undefined, '/admin')) as { systemInfo: { version: string } }
    return info.systemInfo.version
  }

  const admin: KeycloakAdmin = {
    call,
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
    async signOut(browser: Browser) {
      const page = await browser.get(`${url}/realms/${realm}/protocol/openid-connect/logout`)
      await submitForm(browser, page, { confirmLogout: 'Logout' })
    },
  }
  return { ...admin, call, version }
}
