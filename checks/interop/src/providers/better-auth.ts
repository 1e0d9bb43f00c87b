import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { oauthProvider } from '@better-auth/oauth-provider'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { admin, jwt } from 'better-auth/plugins'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { pinnedVersion } from '../pinned-version.ts'
import type { Provider } from '../provider.ts'
import { betterAuthCases } from './better-auth-cases.ts'

const password = 'correct horse battery staple'
const emailOf = (user: string) => `${user}@example.com`

/** Better Auth has no pages of its own. The test sends the requests of a sign-in page to its API. */
export const betterAuthProvider: Provider = {
  name: 'Better Auth with @better-auth/oauth-provider',
  how: [
    'The test registers the applications with `adminCreateOAuthClient`. It writes the address of the endpoint into the database, because the registration refuses http and loopback addresses.',
    'The user signs in through the API, because Better Auth has no pages of its own.',
    '`sign-out` ends one session.',
    '`revoke-sessions` ends all sessions.',
  ],
  settings: { algorithms: ['EdDSA'] },
  form: { typ: 'logout+jwt', lifetime: 120, audience: 'string', sidOf: 'session' },
  followsRedirects: false,

  async start() {
    const [port] = (await freePorts(1)) as [number]
    const origin = `http://127.0.0.1:${port}`
    const issuer = `${origin}/api/auth`
    const auth = betterAuth({
      baseURL: origin,
      secret: 'a secret for this run only, in memory',
      database: memoryAdapter({
        ...Object.fromEntries(['user', 'session', 'account', 'verification', 'jwks'].map((table) => [table, []])),
        ...Object.fromEntries(
          ['Client', 'RefreshToken', 'AccessToken', 'Consent', 'Resource', 'ClientResource', 'ClientAssertion'].map(
            (table) => [`oauth${table}`, []],
          ),
        ),
      }),
      emailAndPassword: { enabled: true },
      rateLimit: { enabled: false },
      telemetry: { enabled: false },
      logger: { level: 'error' },
      plugins: [
        jwt(),
        admin(),
        oauthProvider({
          loginPage: '/sign-in',
          consentPage: '/consent',
          silenceWarnings: { oauthAuthServerConfig: true },
        }),
      ],
    })
    const signUp = (user: string) =>
      auth.api.signUpEmail({ body: { name: user, email: emailOf(user), password }, returnHeaders: true })
    await signUp('alice')
    const { response: account, headers: answered } = await signUp('administrator')
    const administrator = answered.getSetCookie()
    const { adapter } = await auth.$context
    await adapter.update({ model: 'user', where: [{ field: 'id', value: account.user.id }], update: { role: 'admin' } })
    const headers = { cookie: administrator.map((cookie) => cookie.split(';')[0]).join('; ') }
    const nextOf = (json: string) => {
      const { url } = JSON.parse(json) as { url?: string }
      if (url === undefined) throw new Error(`Better Auth does not go on with the sign-in: ${json}`)
      return new URL(url, origin).href
    }
    const handle = toNodeHandler(auth)
    const server = createServer((request, response) => {
      // The application that embeds Better Auth has the sign-in page.
      if (request.url!.startsWith('/sign-in')) return response.end('the sign-in page')
      return handle(request, response)
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')

    return {
      version: pinnedVersion('better-auth'),
      issuer,
      async register({ name, redirectUri, postLogoutRedirectUri, backchannelLogoutUri }) {
        const client = await auth.api.adminCreateOAuthClient({
          headers,
          body: {
            client_name: name,
            // Only a native application may have a redirect URI on loopback.
            application_type: 'native',
            token_endpoint_auth_method: 'client_secret_basic',
            redirect_uris: [redirectUri],
            post_logout_redirect_uris: [postLogoutRedirectUri],
            enable_end_session: true,
            skip_consent: true,
          },
        })
        // The registration of a client refuses http and private addresses, but the sign-out accepts them. So the test
        // writes the address to the database.
        await adapter.update({
          model: 'oauthClient',
          where: [{ field: 'clientId', value: client.client_id }],
          update: { backchannelLogoutUri, backchannelLogoutSessionRequired: true },
        })
        return { clientId: client.client_id, clientSecret: client.client_secret! }
      },
      async answerPage(browser, page, user) {
        // Better Auth answers a fetch with JSON, which has the next address.
        if (page.body.startsWith('{')) return browser.get(nextOf(page.body))
        const response = await browser.sendJson('POST', `${issuer}/sign-in/email`, {
          email: emailOf(user),
          password,
          oauth_query: new URL(page.url).search.slice(1),
        })
        return browser.get(nextOf(await response.text()))
      },
      async endSession(browser) {
        await browser.sendJson('POST', `${issuer}/sign-out`, {})
      },
      async endAllSessions(_user, [browser]) {
        await browser!.sendJson('POST', `${issuer}/revoke-sessions`, {})
      },
      cases: betterAuthCases({
        issuer,
        password,
        createUser: async (user) => void (await signUp(user)),
        async administer(action, user) {
          const where = [{ field: 'email', value: emailOf(user) }]
          const { id } = (await adapter.findOne<{ id: string }>({ model: 'user', where }))!
          const response = await fetch(`${issuer}/admin/${action}`, {
            method: 'POST',
            headers: { ...headers, origin, 'content-type': 'application/json' },
            body: JSON.stringify({ userId: id }),
          })
          if (!response.ok) throw new Error(`Better Auth: ${action}: ${response.status} ${await response.text()}`)
        },
      }),
      statements: [
        {
          text: 'The registration refuses an http address, and an https address in a private network, as `backchannel_logout_uri`.',
          async check() {
            const register = (uri: string) =>
              auth.api.adminCreateOAuthClient({
                headers,
                body: {
                  client_name: 'statement',
                  redirect_uris: ['https://app.example.com/callback'],
                  backchannel_logout_uri: uri,
                },
              })
            await register('https://app.example.com/backchannel-logout')
            for (const uri of ['http://app.example.com/backchannel-logout', 'https://10.0.0.1/backchannel-logout'])
              await assert.rejects(register(uri), Error, uri)
          },
        },
      ],
      async stop() {
        server.close()
        server.closeAllConnections()
      },
    }
  },
}
