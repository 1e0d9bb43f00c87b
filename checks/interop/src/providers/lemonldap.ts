import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nextSecond } from '../../../../examples/demo/src/clock.ts'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { submitForm } from '../forms.ts'
import { type DebianPackages, installDebian } from '../install-debian.ts'
import type { Page } from '../../../../examples/demo/src/browser.ts'
import type { Browser, Provider } from '../provider.ts'
import { startServer } from '../start-server.ts'
import { type LemonldapAdmin, lemonldapCases } from './lemonldap-cases.ts'

/** The portal, the modules that the portal loads only for OpenID Connect, and the server that runs the portal. */
const packages = [
  'liblemonldap-ng-portal-perl',
  'libconvert-pem-perl',
  'libcrypt-jwt-perl',
  'libio-string-perl',
  'libstring-random-perl',
  'starman',
]
const adminSecret = 'a secret for administrators, for this run only'
/**
 * Returns the name with which a user signs in. The built-in users of LemonLDAP's "Demo" authentication do not include
 * "alice". The password is the same as the name.
 */
const userOf = (user: string) => (user === 'alice' ? 'dwho' : user)

export interface LemonldapOptions {
  /** The Debian release that has this version. */
  release: string
  series: '2.21' | '2.23'
  settings: Record<string, unknown>
  /** How all sessions of the user are ended. */
  how: string
}

/** Runs LemonLDAP::NG on Starman. The test writes the configuration files in the same form as the Manager of LemonLDAP::NG. */
export function lemonldap({ release, series, settings, how }: LemonldapOptions): Provider {
  return {
    name: `LemonLDAP::NG ${series}`,
    how: [
      'The applications are written to the configuration file, as the Manager writes them: logout type "Back Channel", session required.',
      'The user of the authentication "Demo" signs in on the page of the portal.',
      'To end one session, the user chooses "Current" on the sign-out page of the portal.',
      how,
    ],
    settings,
    form: { typ: 'JWT', ...(series === '2.23' && { lifetime: 30 }), audience: 'array', sidOf: 'client' },
    followsRedirects: true,

    async start() {
      const debian = installDebian(release, packages)
      const [port] = (await freePorts(1)) as [number]
      const issuer = `http://127.0.0.1:${port}`
      const folder = mkdtempSync(join(tmpdir(), 'bcl-lemonldap-'))
      const configuration = createConfiguration(debian, folder, issuer)
      const perl = perlOf(debian)
      const environment = { ...perl.env, LLNG_DEFAULTCONFFILE: configuration.file, LC_ALL: 'C' }
      const stopServer = await startServer({
        name: 'LemonLDAP::NG',
        command: [
          ...perl.command,
          join(debian.root, 'usr/bin/starman'),
          // Starts several workers, because a single worker could not serve the keys while it sends a Logout Token.
          '--workers=4',
          '--disable-keepalive',
          '--host',
          '127.0.0.1',
          '--port',
          String(port),
          join(debian.root, 'usr/share/doc/liblemonldap-ng-portal-perl/examples/index.psgi'),
        ],
        env: environment,
        cwd: folder,
        ready: `${issuer}/`,
      })

      /** Answers the page that the portal shows before a sign-out if the user has other sessions. */
      async function confirm(browser: Browser, page: Page, which: 'all' | 'current'): Promise<void> {
        if (!page.body.includes('id="globallogout"')) return
        if (which === 'all') await submitForm(browser, page)
        else await browser.get(`${issuer}/globallogout`)
      }
      const signOut: LemonldapAdmin['signOut'] = async (browser, which = 'current') =>
        confirm(browser, await browser.get(`${issuer}/?logout=1`), which)

      return {
        version: debian.versionOf('liblemonldap-ng-portal-perl').replace(/[+~-].*/, ''),
        issuer,
        async register({ name, redirectUri, postLogoutRedirectUri, backchannelLogoutUri }) {
          const clientSecret = `secret-of-${name}`
          await configuration.setClient(name, {
            ClientID: name,
            ClientSecret: clientSecret,
            RedirectUris: redirectUri,
            PostLogoutRedirectUris: postLogoutRedirectUri,
            IDTokenSignAlg: 'RS256',
            LogoutType: 'back',
            LogoutUrl: backchannelLogoutUri,
            LogoutSessionRequired: 1,
            LogoutBypassConfirm: 1,
            BypassConsent: 1,
          })
          // 2.21 does not decode the percent-encoding of client_secret_basic.
          return { clientId: name, clientSecret, ...(series === '2.21' && { clientAuth: 'client_secret_post' }) }
        },
        answerPage: (browser, page, user) => submitForm(browser, page, { user: userOf(user), password: userOf(user) }),
        endSession: (browser) => signOut(browser),
        async endAllSessions(_user, browsers) {
          if (series === '2.23') await signOut(browsers[0]!, 'all')
          else for (const browser of browsers) await signOut(browser)
        },
        cases: lemonldapCases(series, {
          signOut,
          confirm,
          updateClient: configuration.setClient,
          endSession: async (user) => {
            const [token] = configuration.sessionsOf(userOf(user))
            const response = await fetch(`${issuer}/admintokenrevoke`, {
              method: 'POST',
              headers: { authorization: `Bearer ${adminSecret}` },
              body: new URLSearchParams({ token_hint: 'SSO', token: token!, raw: '1' }),
            })
            if (!response.ok) throw new Error(`LemonLDAP::NG: ${response.status} ${await response.text()}`)
          },
          deleteSessions: async (user) => {
            const script = join(debian.root, 'usr/share/lemonldap-ng/bin/llngDeleteSession')
            execFileSync(perl.command[0], [...perl.command.slice(1), script, userOf(user)], {
              env: { ...process.env, ...environment },
            })
          },
        }),
        async stop() {
          await stopServer()
          rmSync(folder, { recursive: true, force: true })
        },
      }
    },
  }
}

/** The command that starts the Perl of the packages, with the modules of the packages. */
function perlOf({ root, loader }: DebianPackages) {
  const command = [...loader, join(root, 'usr/bin/perl')] as [string, ...string[]]
  const [program, ...args] = command
  const paths = execFileSync(program, [...args, '-e', 'print join "\\n", @INC'], { encoding: 'utf8' }).split('\n')
  const modules = paths.map((path) => root + path).filter((path) => existsSync(path))
  return { command, env: { PERL5LIB: modules.join(':') } }
}

/**
 * Writes the configuration into a folder. Each change writes a new file with a greater number, and the portal then
 * reads the new file.
 */
function createConfiguration({ root }: DebianPackages, folder: string, issuer: string) {
  const at = (...path: string[]) => {
    mkdirSync(join(folder, ...path), { recursive: true })
    return join(folder, ...path)
  }
  const storage = (name: string) => ({ Directory: at(name), LockDirectory: at(name, 'lock') })
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const packaged = readFileSync(join(root, 'var/lib/lemonldap-ng/conf/lmConf-1.json'), 'utf8')
  const clients: Record<string, object> = {}
  const configuration = {
    ...(JSON.parse(packaged) as object),
    key: 'a secret for this run only, on disk',
    portal: `${issuer}/`,
    domain: '127.0.0.1',
    securedCookie: 0,
    authentication: 'Demo',
    userDB: 'Same',
    passwordDB: '',
    registerDB: '',
    whatToTrace: 'uid',
    demoExportedVars: { uid: 'uid', mail: 'mail', cn: 'cn' },
    globalStorage: 'Apache::Session::File',
    globalStorageOptions: storage('sessions'),
    persistentStorage: 'Apache::Session::File',
    persistentStorageOptions: storage('persistent-sessions'),
    adminLogoutServerSecret: adminSecret,
    globalLogoutRule: 1,
    globalLogoutTimer: 1,
    // These features need modules for images.
    captcha_mail_enabled: 0,
    captcha_register_enabled: 0,
    portalDisplayResetPassword: 0,
    portalDisplayRegister: 0,
    issuerDBOpenIDConnectActivation: 1,
    oidcServiceMetaDataIssuer: issuer,
    oidcServicePrivateKeySig: privateKey,
    oidcServicePublicKeySig: publicKey,
    oidcServiceKeyIdSig: 'run',
    oidcServiceKeyTypeSig: 'RSA',
    oidcRPMetaDataOptions: clients,
  }
  let number = 0
  const write = () => {
    const text = JSON.stringify({ ...configuration, cfgNum: ++number, cfgAuthor: 'run', cfgDate: number })
    writeFileSync(join(at('configuration'), `lmConf-${number}.json`), text)
  }
  const file = join(folder, 'lemonldap-ng.ini')
  writeFileSync(
    file,
    `[all]
checkTime = 1
checkMsg = 1
logLevel = warn
localSessionStorage = Cache::FileCache
localSessionStorageOptions = { 'namespace' => 'sessions', 'default_expires_in' => 600, 'cache_root' => '${at('cache')}' }
[configuration]
type = File
dirName = ${at('configuration')}
[portal]
templateDir = ${join(root, 'usr/share/lemonldap-ng/portal/templates')}
staticPrefix = /static
languages = en
`,
  )
  write()
  return {
    file,
    /** The identifiers of the user's sessions. */
    sessionsOf(uid: string): string[] {
      const sessions = at('sessions')
      const ids = readdirSync(sessions, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? entry.name : []))
      return ids.filter((id) => {
        const session = JSON.parse(readFileSync(join(sessions, id), 'utf8')) as Record<string, unknown>
        return session['_session_kind'] === 'SSO' && session['uid'] === uid
      })
    },
    /** Sets options of the client. Other options stay. */
    async setClient(name: string, options: Record<string, string | number>): Promise<void> {
      const entries = Object.entries(options).map(([option, value]) => [`oidcRPMetaDataOptions${option}`, value])
      clients[name] = { ...clients[name], ...Object.fromEntries(entries) }
      write()
      // Each worker looks for a new file every two seconds.
      await nextSecond()
      await nextSecond()
    },
  }
}
