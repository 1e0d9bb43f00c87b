import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { exportJWK, generateKeyPair } from 'jose'
import { type JWK, Provider as OidcProvider } from 'oidc-provider'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { expectedCase } from '../expected-case.ts'
import { submitForm } from '../forms.ts'
import { pinnedVersion } from '../pinned-version.ts'
import type { Browser, Provider } from '../provider.ts'

interface ClientAdapter {
  find(id: string): Promise<Record<string, unknown>>
  upsert(id: string, metadata: Record<string, unknown>): Promise<void>
}

/** Clients register themselves. Users sign in through the pages that the library has for development. */
export const nodeOidcProvider: Provider = {
  name: 'node-oidc-provider',
  how: [
    'The test registers the applications with dynamic client registration.',
    'The user signs in on the pages that the library has for development.',
    'The user signs out on the page of `end_session_endpoint`, which ends one session. The request has no `id_token_hint`.',
    'The same page ends all sessions, one browser after the other, because the library cannot end all sessions of a user at once.',
    'The test replaces the `fetch` of the library, because this `fetch` refuses loopback addresses.',
  ],
  settings: {},
  form: { typ: 'logout+jwt', lifetime: 120, audience: 'string', sidOf: 'client' },
  followsRedirects: false,

  async start() {
    const [port] = (await freePorts(1)) as [number]
    const issuer = `http://127.0.0.1:${port}`
    const { privateKey } = await generateKeyPair('RS256', { extractable: true })
    const provider = new OidcProvider(issuer, {
      jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'rs256', alg: 'RS256', use: 'sig' } as JWK] },
      cookies: { keys: [randomBytes(32).toString('base64url')] },
      claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
      features: {
        backchannelLogout: { enabled: true },
        registration: { enabled: true },
        rpInitiatedLogout: { enabled: true },
      },
      // The provider's own dispatcher refuses loopback addresses. All applications of the test have loopback addresses.
      fetch(url, options) {
        const { dispatcher: _, ...init } = options as RequestInit & { dispatcher?: unknown }
        return fetch(url, init)
      },
    })
    const server = provider.listen(port, '127.0.0.1')
    await once(server, 'listening')

    async function endSession(browser: Browser): Promise<void> {
      const page = await browser.get(`${issuer}/session/end`)
      await submitForm(browser, page, { logout: 'yes' })
    }

    /** Removes the setting from the client, so that the client has the default. */
    async function forgetSessionRequired(clientId: string): Promise<void> {
      const { adapter } = provider.Client as unknown as { adapter: ClientAdapter }
      const { backchannel_logout_session_required: _, ...metadata } = await adapter.find(clientId)
      await adapter.upsert(clientId, metadata)
    }

    return {
      version: pinnedVersion('oidc-provider'),
      issuer,
      async register({ name, redirectUri, postLogoutRedirectUri, backchannelLogoutUri }) {
        const response = await fetch(`${issuer}/reg`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            client_name: name,
            redirect_uris: [redirectUri],
            post_logout_redirect_uris: [postLogoutRedirectUri],
            backchannel_logout_uri: backchannelLogoutUri,
            backchannel_logout_session_required: true,
          }),
        })
        const client = (await response.json()) as { client_id: string; client_secret: string }
        return { clientId: client.client_id, clientSecret: client.client_secret }
      },
      // The first page asks for the name. The next page asks for consent, and ignores these fields.
      answerPage: (browser, page, user) => submitForm(browser, page, { login: user, password: 'any' }),
      endSession,
      async endAllSessions(_user, browsers) {
        for (const browser of browsers) await endSession(browser)
      },
      cases: [
        expectedCase(
          {
            name: '`backchannel_logout_session_required` is not set, and a user signs out',
            tokens: 2,
            signedIn: 'none',
            token: { sid: false },
            prepare: { configure: forgetSessionRequired },
            act: ({ laptop }) => endSession(laptop),
          },
          'bob',
        ),
      ],
      async stop() {
        server.close()
        server.closeAllConnections()
      },
    }
  },
}
