import { createHmac, randomBytes } from 'node:crypto'

import { exportJWK, generateKeyPair } from 'jose'
import {
  type ClientMetadata,
  type Configuration,
  interactionPolicy,
  type JWK,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider'

import { accounts, findAccount } from './accounts.ts'
import { createDeliveries } from './deliveries.ts'
import { confirmLogoutPage, errorPage, loggedOutPage } from './pages.ts'
import { createSessions } from './sessions.ts'
import { createStorage } from './storage.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE

export interface ProviderOptions {
  issuer: string
  clients: readonly ClientMetadata[]
}

/** An OpenID Provider whose keys, sessions and grants die with the process. */
export async function createProvider({ issuer, clients }: ProviderOptions) {
  const storage = createStorage()
  const deliveries = createDeliveries()
  const deliver = deliveries.recording(globalThis.fetch)
  const pairwiseSalt = randomBytes(32)

  const provider = new Provider(issuer, {
    clients: clients.map((client) => ({ backchannel_logout_session_required: true, ...client })),
    adapter: storage.adapter,
    jwks: { keys: [await signingKey('RS256'), await signingKey('ES256')] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    // What a client may register beyond the ordinary, so that a Relying Party's settings for it can be tried.
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256', 'HS256'] },
    subjectTypes: ['public', 'pairwise'],
    pairwiseIdentifier: (_ctx, accountId, { sectorIdentifier, clientId }) =>
      createHmac('sha256', pairwiseSalt)
        .update(`${sectorIdentifier ?? clientId} ${accountId}`)
        .digest('base64url'),
    features: {
      devInteractions: { enabled: false },
      encryption: { enabled: true },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource(ctx, form) {
          ctx.body = String(confirmLogoutPage(form, isAskedByItsOwnClient(ctx)))
        },
        postLogoutSuccessSource(ctx) {
          ctx.body = String(loggedOutPage())
        },
      },
    },
    findAccount: (_ctx, sub) => findAccount(sub),
    interactions: { policy: policyWithLoginHint() },
    loadExistingGrant: grantWhatIsAsked,
    renderError(ctx, { error, error_description }) {
      ctx.type = 'html'
      ctx.body = String(errorPage(error, error_description))
    },
    ttl: {
      AccessToken: HOUR,
      AuthorizationCode: MINUTE,
      Grant: 14 * 24 * HOUR,
      IdToken: HOUR,
      Interaction: HOUR,
      RefreshToken: 14 * 24 * HOUR,
      Session: 14 * 24 * HOUR,
    },
    // The dispatcher refuses loopback addresses, rightly so on a public provider. Here every Relying Party is on one.
    fetch(url, options) {
      const init = { ...options }
      delete init.dispatcher
      return deliver(url, init)
    },
  } satisfies Configuration)

  // A wrong registration is told of now, not when somebody first signs in there.
  for (const { client_id } of clients) await provider.Client.find(client_id)

  return { provider, clients, deliveries, sessions: createSessions(provider, storage, deliveries) }
}

export type ExampleProvider = Awaited<ReturnType<typeof createProvider>>

async function signingKey(alg: 'RS256' | 'ES256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), kid: randomBytes(8).toString('base64url'), alg, use: 'sig' } as JWK
}

/** A hint at another account than the one signed in counts: that one is signed out, everywhere, and the other in. */
function policyWithLoginHint(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  const differs = (ctx: KoaContextWithOIDC) => {
    const hint = String(ctx.oidc.params!['login_hint'])
    return accounts.has(hint) && ctx.oidc.session!.accountId !== hint
  }
  policy.get('login')!.checks.add(new interactionPolicy.Check('login_hint', 'another account is hinted at', differs))
  return policy
}

/** Nobody is asked for consent here. */
async function grantWhatIsAsked(ctx: KoaContextWithOIDC) {
  const { client, session, account, provider, requestParamOIDCScopes } = ctx.oidc
  const grantId = session!.grantIdFor(client!.clientId)
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant = existing ?? new provider.Grant({ clientId: client!.clientId, accountId: account!.accountId })
  grant.addOIDCScope([...requestParamOIDCScopes].join(' '))
  await grant.save()
  return grant
}

/** The ID Token of the very user who is signed in here: then there is nothing left to confirm. */
function isAskedByItsOwnClient(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.entities.IdTokenHint?.payload['sub'] === ctx.oidc.session!.accountId
}
