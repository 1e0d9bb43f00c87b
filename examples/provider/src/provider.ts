import { createHmac, randomBytes } from 'node:crypto'

import { exportJWK, generateKeyPair } from 'jose'
import { type Configuration, interactionPolicy, type JWK, type KoaContextWithOIDC, Provider } from 'oidc-provider'

import { accounts, findAccount } from './accounts.ts'
import type { ExampleClient } from './config.ts'
import { createDeliveries } from './deliveries.ts'
import { confirmLogoutPage, errorPage, loggedOutPage } from './pages.ts'
import { createSecurityEvents } from './security-events.ts'
import { createSessions } from './sessions.ts'
import { createStorage } from './storage.ts'

const MINUTE = 60
const HOUR = 60 * MINUTE

export interface ProviderOptions {
  issuer: string
  clients: readonly ExampleClient[]
}

/** An OpenID Provider that keeps its keys, sessions and grants in memory only. */
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
    // Settings that a client may register, so that you can try the matching settings of a Relying Party.
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
    // The default dispatcher refuses loopback addresses, as a public provider must. Here every Relying Party is on
    // loopback.
    fetch(url, options) {
      const init = { ...options }
      delete init.dispatcher
      return deliver(url, init)
    },
  } satisfies Configuration)

  // Loads each client now, so that a wrong registration is an error at the start and not at the first sign-in.
  for (const { client_id } of clients) await provider.Client.find(client_id)

  return {
    provider,
    clients,
    deliveries,
    sessions: createSessions(provider, storage, deliveries),
    events: await createSecurityEvents(issuer, clients),
  }
}

export type ExampleProvider = Awaited<ReturnType<typeof createProvider>>

async function signingKey(alg: 'RS256' | 'ES256'): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), kid: randomBytes(8).toString('base64url'), alg, use: 'sig' } as JWK
}

/**
 * If `login_hint` names another account, the provider signs the current account out everywhere, and signs the other account in.
 */
function policyWithLoginHint(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base()
  const differs = (ctx: KoaContextWithOIDC) => {
    const hint = String(ctx.oidc.params!['login_hint'])
    return accounts.has(hint) && ctx.oidc.session!.accountId !== hint
  }
  policy.get('login')!.checks.add(new interactionPolicy.Check('login_hint', 'another account is hinted at', differs))
  return policy
}

/** Grants the requested scopes without asking the user for consent. */
async function grantWhatIsAsked(ctx: KoaContextWithOIDC) {
  const { client, session, account, provider, requestParamOIDCScopes } = ctx.oidc
  const grantId = session!.grantIdFor(client!.clientId)
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant = existing ?? new provider.Grant({ clientId: client!.clientId, accountId: account!.accountId })
  grant.addOIDCScope([...requestParamOIDCScopes].join(' '))
  await grant.save()
  return grant
}

/** Tells whether the hint is an ID Token of the signed-in user. If it is, the user does not have to confirm the sign-out. */
function isAskedByItsOwnClient(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.entities.IdTokenHint?.payload['sub'] === ctx.oidc.session!.accountId
}
