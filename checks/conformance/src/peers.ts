import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ConformanceResult } from '@bcl/testing'

/** A Relying Party that `bcl conformance` runs against. */
export interface RelyingParty {
  name: string
  /** The folder of the application, from the root of the repository. */
  folder: string
  /** The path of the back-channel logout endpoint. @default '/backchannel-logout' */
  path?: string
  /** The path at which a browser signs in. @default '/login' */
  login?: string
  /** True if the application accepts only an issuer with https and without a port. */
  needsHttps?: boolean
}

/** A Relying Party that uses the library of another project. */
export interface Peer extends RelyingParty {
  homepage: string
  version: () => string
  /** The parts that our application adds to the library. */
  setUp: string
  /** Cases whose result says nothing about the library, each with the reason. */
  skips?: Record<string, string>
}

const root = new URL('../../../', import.meta.url)

const npmVersion =
  (name: string, folder = 'checks/conformance') =>
  (): string =>
    (
      JSON.parse(readFileSync(new URL(`${folder}/node_modules/${name}/package.json`, root), 'utf8')) as {
        version: string
      }
    ).version

const sessionStore =
  'The application brings the session store, and the store decides which sessions end. So the results about sessions depend on our store. It deletes the session with the `sid`, and sessions of the user without a `sid`. For a logout without a `sid`, it deletes all sessions of the user. It does not compare times.'

const newKey = 'accept/a-key-published-just-now'
const coolDown = {
  [newKey]:
    'after a fetch of the keys, the library waits 30 s until it fetches them again. The case would only measure this time',
}
const oneKey = 'the receiver takes one key. Our application fetches this key once'

/** Marks each case as skipped if its result says nothing about the peer. */
export const withSkips = (
  { skips = {} }: Pick<Peer, 'skips'>,
  results: readonly ConformanceResult[],
): ConformanceResult[] =>
  results.map((result): ConformanceResult => {
    const reason = skips[result.id]
    if (reason === undefined) return result
    const { fault: _fault, cause: _cause, ...rest } = result
    return { ...rest, outcome: 'skipped', got: reason }
  })

export const examples: readonly RelyingParty[] = ['hono', 'koa', 'express', 'fastify', 'nestjs', 'nextjs'].map(
  (name) => ({ name: `examples/${name}`, folder: `examples/${name}` }),
)

export const peers: readonly Peer[] = [
  {
    name: 'express-openid-connect',
    homepage: 'https://github.com/auth0/express-openid-connect',
    version: npmVersion('express-openid-connect', 'packages/cli'),
    folder: 'packages/cli/test/express-openid-connect',
    setUp: 'Back-channel logout is switched on as the documentation says, with a store in memory.',
    skips: coolDown,
  },
  {
    name: 'auth0-hono',
    homepage: 'https://github.com/auth0-lab/auth0-hono',
    version: npmVersion('@auth0/auth0-hono'),
    folder: 'checks/conformance/applications/auth0-hono',
    path: '/auth/backchannel-logout',
    login: '/auth/login',
    needsHttps: true,
    setUp: sessionStore,
    skips: coolDown,
  },
  {
    name: 'nextjs-auth0',
    homepage: 'https://github.com/auth0/nextjs-auth0',
    version: npmVersion('@auth0/nextjs-auth0'),
    folder: 'checks/conformance/applications/nextjs-auth0',
    path: '/auth/backchannel-logout',
    login: '/auth/login',
    needsHttps: true,
    setUp: `${sessionStore} \`allowInsecureRequests\` lets the library accept the name \`localhost\`.`,
    skips: coolDown,
  },
  {
    name: 'mod_auth_openidc',
    homepage: 'https://github.com/OpenIDC/mod_auth_openidc',
    version: () =>
      execFileSync('dpkg-query', ['-W', '-f', '${Version}', 'libapache2-mod-auth-openidc'], { encoding: 'utf8' }),
    folder: 'checks/conformance/applications/mod_auth_openidc',
    path: '/callback?logout=backchannel',
    setUp:
      'The Debian package, with Apache HTTP Server. `OIDCIDTokenSignedResponseAlg` names the algorithm that is registered.',
  },
  {
    name: 's3db.js',
    homepage: 'https://www.npmjs.com/package/s3db.js',
    version: npmVersion('s3db.js'),
    folder: 'checks/conformance/applications/s3db',
    setUp:
      'The package has the receiver. The sign-in, the session store and the key are ours. The receiver takes one key, which our application fetches once and which allows only RS256. So the results about keys and algorithms depend on our key. The receiver looks for sessions by `sub` and by `sid`. Our store has both look-ups, and does not compare times.',
    skips: { [newKey]: oneKey, 'refuse/an-unknown-kid': oneKey },
  },
]
