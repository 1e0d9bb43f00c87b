import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createBrowser } from '../../../../examples/demo/src/browser.ts'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { type DebianPackages, installDebian } from '../install-debian.ts'
import type { Browser, Provider } from '../provider.ts'
import { startServer } from '../start-server.ts'
import { glewlwydCases } from './glewlwyd-cases.ts'

const password = 'password'

/** Labels on the administration page. `docs/providers.md` names these labels. */
const labels = [
  'Parameters',
  'Plugins',
  'Session management',
  'Allow session management endpoints',
  'Allow back-channel logout',
  'backchannel_logout_uri',
  'backchannel_logout_session_required',
  'Token endpoint auth method',
]

/** Glewlwyd with a database in a file. Its pages are scripts, so the run sends the requests of the scripts. */
export const glewlwyd: Provider = {
  name: 'Glewlwyd',
  how: [
    'The OpenID Connect plugin, the user and the applications are made through the admin API.',
    'The sign-in and sign-out pages are scripts. The run sends the requests of the scripts.',
    'One session is ended by RP-initiated logout at one application, and then on the end-session page.',
    'All sessions are ended in the same way in each browser.',
  ],
  settings: { requireExp: false },
  form: { typ: 'JWT', audience: 'string', sidOf: 'session' },
  doctorWarning: 'The provider does not announce backchannel_logout_supported.',
  followsRedirects: false,

  async start() {
    const debian = installDebian('trixie', ['glewlwyd'])
    const [port] = (await freePorts(1)) as [number]
    const url = `http://127.0.0.1:${port}`
    const folder = mkdtempSync(join(tmpdir(), 'bcl-glewlwyd-'))
    const file = configure(debian, folder, port)
    const stopServer = await startServer({
      name: 'Glewlwyd',
      command: [...debian.loader, join(debian.root, 'usr/bin/glewlwyd'), `--config-file=${file}`],
      ready: `${url}/config`,
    })
    const administer = createAdmin(url)

    /** Ends the session on the page to which RP-initiated logout leads. */
    async function signOut(browser: Browser, application: string): Promise<void> {
      const { searchParams } = new URL((await browser.post(`${application}/logout`)).url)
      await browser.sendJson('DELETE', `${url}/api/${searchParams.get('plugin')}/session/${searchParams.get('sid')}`)
      await browser.sendJson('DELETE', `${url}/api/auth/`)
    }

    async function createUser(username: string): Promise<void> {
      await administer('POST', '/user/', { username, password, name: username, scope: ['openid'], enabled: true })
    }

    await administer('POST', '/mod/plugin/', pluginFor(url))
    await createUser('alice')
    return {
      version: debian.versionOf('glewlwyd').replace(/[+-].*/, ''),
      issuer: `${url}/api/oidc`,
      async register({ name, redirectUri, backchannelLogoutUri }) {
        const clientSecret = `secret-of-${name}`
        await administer('POST', '/client/', {
          client_id: name,
          name,
          client_secret: clientSecret,
          confidential: true,
          enabled: true,
          redirect_uri: [redirectUri],
          authorization_type: ['code'],
          token_endpoint_auth_method: ['client_secret_post'],
          scope: [],
          backchannel_logout_uri: backchannelLogoutUri,
          backchannel_logout_session_required: 'true',
        })
        // Glewlwyd does not decode the percent-encoding of client_secret_basic.
        return { clientId: name, clientSecret, clientAuth: 'client_secret_post' }
      },
      async answerPage(browser, page, username) {
        const { searchParams } = new URL(page.url)
        await browser.sendJson('POST', `${url}/api/auth/`, { username, password })
        const client = searchParams.get('client_id')
        await browser.sendJson('PUT', `${url}/api/auth/grant/${client}`, { scope: searchParams.get('scope')! })
        return browser.get(`${searchParams.get('callback_url')}&g_continue`)
      },
      endSession: signOut,
      async endAllSessions(_user, browsers, application) {
        for (const browser of browsers) await signOut(browser, application)
      },
      cases: glewlwydCases({ url, administer, createUser, signOut }),
      statements: [
        {
          text: `The administration page has the labels ${labels.map((label) => `"${label}"`).join(', ')}.`,
          async check() {
            const response = await fetch(`${url}/locales/en/translations.json`)
            const text = await response.text()
            for (const label of labels) assert.ok(text.includes(`: ${JSON.stringify(label)}`), label)
          },
        },
        {
          text: 'The discovery document has no `backchannel_logout_supported`.',
          async check() {
            const response = await fetch(`${url}/api/oidc/.well-known/openid-configuration`)
            const metadata = (await response.json()) as Record<string, unknown>
            assert.equal(metadata['issuer'], `${url}/api/oidc`)
            assert.equal('backchannel_logout_supported' in metadata, false)
          },
        },
        {
          text: 'The end-session endpoint answers a request without an ID Token with an empty body.',
          async check() {
            const response = await fetch(`${url}/api/oidc/end_session`, { redirect: 'manual' })
            assert.equal(await response.text(), '')
          },
        },
      ],
      async stop() {
        await stopServer()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}

/** Calls the admin API. Signs in each time, because the session of an administrator is short. */
function createAdmin(url: string) {
  return async (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<void> => {
    const browser = createBrowser()
    await browser.sendJson('POST', `${url}/api/auth/`, { username: 'admin', password })
    const response = await browser.sendJson(method, `${url}/api${path}`, body)
    if (!response.ok) throw new Error(`Glewlwyd: ${method} ${path}: ${response.status} ${await response.text()}`)
  }
}

/** Makes the database and the configuration. Returns the configuration file. */
function configure({ root, loader: [program, ...args] }: DebianPackages, folder: string, port: number): string {
  const database = join(folder, 'glewlwyd.db')
  const schema = gunzipSync(readFileSync(join(root, 'usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz')))
  execFileSync(program, [...args, join(root, 'usr/bin/sqlite3'), database], { input: schema })
  const modules = (name: string) => join(root, 'usr/lib/glewlwyd', name)
  const none = join(folder, 'none')
  mkdirSync(none)
  const settings = {
    port,
    bind_address: '127.0.0.1',
    external_url: `http://127.0.0.1:${port}`,
    login_url: 'login.html',
    api_prefix: 'api',
    static_files_path: `${join(root, 'usr/share/glewlwyd/webapp')}/`,
    log_mode: 'console',
    log_level: 'ERROR',
    cookie_domain: '127.0.0.1',
    cookie_secure: 0,
    session_expiration: 86_400,
    session_key: 'GLEWLWYD2_SESSION_ID',
    admin_scope: 'g_admin',
    profile_scope: 'g_profile',
    hash_algorithm: 'SHA512',
    user_module_path: modules('user'),
    user_middleware_module_path: none,
    client_module_path: modules('client'),
    user_auth_scheme_module_path: modules('scheme'),
    plugin_module_path: modules('plugin'),
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
  const file = join(folder, 'glewlwyd.conf')
  writeFileSync(
    file,
    `${lines.join('')}database={type="sqlite3" path="${database}"}
static_files_mime_types=({extension=".html" mime_type="text/html" compress=0})
`,
  )
  return file
}

function pluginFor(url: string): object {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  return {
    module: 'oidc',
    name: 'oidc',
    display_name: 'OpenID Connect',
    parameters: {
      iss: `${url}/api/oidc`,
      'jwt-type': 'rsa',
      'jwt-key-size': '256',
      key: privateKey,
      cert: publicKey,
      'code-duration': 600,
      'access-token-duration': 3600,
      'refresh-token-duration': 86_400,
      'auth-type-code-enabled': true,
      'pkce-allowed': true,
      'allowed-scope': ['openid'],
      'session-management-allowed': true,
      'session-cookie-name': 'GLEWLWYD2_OIDC_SID',
      'session-cookie-expiration': 86_400,
      'back-channel-logout-allowed': true,
    },
  }
}
