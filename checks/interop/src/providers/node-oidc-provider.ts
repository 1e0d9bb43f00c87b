import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { exportJWK, generateKeyPair } from 'jose'
import { type JWK, Provider as OidcProvider } from 'oidc-provider'
import { freePorts } from '../../../../examples/demo/src/free-ports.ts'
import { submitForm } from '../forms.ts'
import { pinnedVersion } from '../pinned-version.ts'
import type { Browser, Provider } from '../provider.ts'

/** Clients register themselves. Users sign in through the pages that the library has for development. */
export const nodeOidcProvider: Provider = {
  name: 'node-oidc-provider',
  how: [
    'The applications are registered with dynamic client registration.',
    'The user signs in on the pages that the library has for development.',
    'One session is ended on the page of `end_session_endpoint`, without an ID Token.',
    'All sessions are ended on the same page in each browser, because the library has no such action.',
    'Its `fetch` is replaced, because it refuses to call loopback addresses.',
  ],
  settings: {},

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
      // Its dispatcher refuses loopback addresses, and all applications of the run have one.
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
      // The first page asks for the name, the next one for consent. The consent page ignores the other fields.
      answerPage: (browser, page, user) => submitForm(browser, page, { login: user, password: 'any' }),
      endSession,
      async endAllSessions(_user, browsers) {
        for (const browser of browsers) await endSession(browser)
      },
      async stop() {
        server.close()
        server.closeAllConnections()
      },
    }
  },
}
