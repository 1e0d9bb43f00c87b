import { BACKCHANNEL_LOGOUT_EVENT, type BackchannelLogoutErrorCode, type TrustedIssuer } from '@bcl/core'

/** What a provider's Logout Token looks like, how it is sent, and what it needs to be accepted. */
export interface ProviderProfile {
  id: string
  provider: string
  /** What the token's form was taken from. */
  basis: 'captured' | 'source' | 'documentation'
  /** The JWS header. */
  header: { readonly alg: string; readonly kid?: string; readonly [name: string]: unknown }
  /** The claims. `iat`, `exp` and `nbf` are seconds from when it is sent; {@link profileToken} dates them. */
  payload: { readonly iss: string; readonly iat: number; readonly [claim: string]: unknown }
  /** The header of the JWE around it, where it comes encrypted. */
  encryption?: { readonly alg: string; readonly enc: string; readonly kid: string; readonly [name: string]: unknown }
  http: ProviderHttp
  /** What becomes of it where nothing but issuer and client are configured. */
  byDefault: 'accepted' | { readonly code: BackchannelLogoutErrorCode; readonly claim?: string }
  /**
   * What to configure, and what it is accepted with; none where nothing makes it acceptable. The keys of `decryption`
   * come with {@link profileToken}.
   */
  settings?: Partial<TrustedIssuer>
  /** What to configure beside the issuer. */
  options?: { readonly unavailableStatus: 503 }
  notes: string
}

/** How a provider sends it. */
export interface ProviderHttp {
  contentType: string
  userAgent?: string
  /** Seconds it waits for the answer. */
  timeout?: number
  /** Answers that count as delivered. */
  success: string
  retries: string
  redirects?: string
}

const form = 'application/x-www-form-urlencoded'
const events = { [BACKCHANNEL_LOGOUT_EVENT]: {} }

const wso2Http: ProviderHttp = {
  contentType: form,
  userAgent: 'Apache-HttpClient/4.5.13',
  timeout: 20,
  success: 'any answer',
  retries: 'none',
  redirects: '303 followed by a GET, others not',
}
const keycloakHttp: ProviderHttp = {
  contentType: `${form}; charset=UTF-8`,
  timeout: 5,
  success: '200, 204',
  retries: 'none',
  redirects: 'not followed',
}
const nodeHttp: ProviderHttp = {
  contentType: form,
  timeout: 2.5,
  success: '200, 204',
  retries: 'none',
  redirects: 'a failure',
}
const rauthyHttp: ProviderHttp = { contentType: form, success: '2xx', retries: 'up to 100, each with a fresh token' }

const wso2Header = {
  'x5t#S256': 'SE6gXjcalHYY5ltHvMIBB9xM3crT5FYUWs0CeDG9Yec',
  kid: 'NDg0ZWEwNWUzNzFhOTQ3NjE4ZTY1YjQ3YmNjMjAxMDdkYzRjZGRjYWQzZTQ1NjE0NWFjZDAyNzgzMWJkNjFlNw_RS256',
  alg: 'RS256',
}
const wso2Payload = {
  sub: 'aa21e449-0000-4000-8000-placeholder00',
  aud: 'CLIENT_ID',
  iss: 'https://api.asgardeo.io/t/example-org/oauth2/token',
  exp: 120,
  iat: 0,
  jti: '16159e3e-c5fc-42de-b93f-b0782ab33d58',
  events,
  sid: '15043ffc-877d-4205-af41-9b107f7da38c',
}
const keycloakHeader = { alg: 'RS256', typ: 'logout+jwt', kid: 'FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE' }
const nodePayload = {
  sub: 'account-1',
  events,
  jti: 'V1StGXR8_Z5jdHi6B-myT',
  sid: 'b3o7q2wZk1nM4sJx8cVtL',
  aud: 'CLIENT_ID',
  exp: 120,
  iat: 0,
  iss: 'https://op.example.com',
}
const rauthyPayload = {
  iat: 0,
  nbf: 0,
  exp: 30,
  iss: 'https://rauthy.example.com/auth/v1/',
  jti: 'zY9xW7vU',
  aud: 'CLIENT_ID',
  sub: 'dIMPLACEHOLDER',
  typ: 'logout+jwt',
  azp: 'CLIENT_ID',
  events,
}

const noExp = { code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'exp' } as const
const otherAlg = { code: 'ERR_LOGOUT_TOKEN_SIGNATURE' } as const

/** The Logout Tokens of providers, as their sources, documentation or a captured request have them. */
export const providerProfiles: readonly ProviderProfile[] = [
  {
    id: 'wso2-is-default',
    provider: 'Asgardeo, WSO2 Identity Server 6 and 7',
    basis: 'source',
    header: wso2Header,
    payload: wso2Payload,
    http: wso2Http,
    byDefault: 'accepted',
    settings: { requireSid: true },
    notes:
      'No typ. The thumbprint in the header is not that of RFC 7515 in every version. sid is that of the browser session, the same for all its applications; sub is that of the first application it signed in to.',
  },
  {
    id: 'wso2-is-suborg',
    provider: 'Asgardeo, WSO2 Identity Server 7: a sub-organisation',
    basis: 'source',
    header: wso2Header,
    payload: {
      ...wso2Payload,
      iss: 'https://api.asgardeo.io/o/10084a8d-113f-4211-a0d5-efe36b082211/oauth2/token',
      jti: '0f8fad5b-d9cb-469f-a165-70867728950e',
    },
    http: wso2Http,
    byDefault: 'accepted',
    settings: { requireSid: true },
    notes: 'The issuer is that of the organisation, with its id in the path.',
  },
  {
    id: 'wso2-is-5.9-captured-event-bug',
    provider: 'WSO2 Identity Server 5.9 and 5.10',
    basis: 'captured',
    header: {
      x5t: 'ZjRmYTMwNTJjOWU5MmIzMjgzNDI3Y2IyMmIyY2EzMjdhZjViMjc0Zg',
      kid: 'ZjRmYTMwNTJjOWU5MmIzMjgzNDI3Y2IyMmIyY2EzMjdhZjViMjc0Zg_RS256',
      alg: 'RS256',
    },
    payload: {
      sub: 'jensb',
      aud: 'CLIENT_ID',
      iss: 'https://localhost:9443/oauth2/token',
      event: {},
      exp: 120,
      iat: 0,
      jti: '6cff7624-f415-4e70-b4bd-2ae4b267c583',
      sid: 'a1c59136-b7f0-4c88-96ba-a393c09b93e0',
    },
    http: wso2Http,
    byDefault: { code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'events' },
    notes: 'The claim is called event, and is empty: what it sends is no Logout Token. Later versions do it right.',
  },
  {
    id: 'keycloak-26',
    provider: 'Keycloak 23.0.4 and later',
    basis: 'source',
    header: keycloakHeader,
    payload: {
      exp: 120,
      iat: 0,
      jti: '8a3d0a5e-7d5e-4b34-8d1a-0d1f7f3f5c2a',
      iss: 'https://kc.example.com/realms/example',
      aud: 'CLIENT_ID',
      sub: 'f1a4c4b7-0a5f-4b3f-a1ab-6e5e3d8a9d11',
      typ: 'Logout',
      sid: '2d6d8c9a-7e2b-4f0a-9a3d-5f6b7c8d9e0f',
      events: { ...events, revoke_offline_access: true },
    },
    http: keycloakHttp,
    byDefault: 'accepted',
    settings: {},
    notes: 'A claim typ beside the header. sid only with "Backchannel logout session required". alg is the client\'s.',
  },
  {
    id: 'keycloak-22-no-exp',
    provider: 'Keycloak before 23.0.4',
    basis: 'source',
    header: { ...keycloakHeader, typ: 'JWT' },
    payload: {
      iat: 0,
      jti: 'a2836698-0000-4000-8000-placeholder00',
      iss: 'https://kc.example.com/realms/example',
      aud: 'CLIENT_ID',
      sub: 'f1a4c4b7-0a5f-4b3f-a1ab-6e5e3d8a9d11',
      typ: 'Logout',
      events,
    },
    http: keycloakHttp,
    byDefault: noExp,
    settings: { requireExp: false },
    notes: 'No exp. Without a sid all sessions of the user end.',
  },
  {
    id: 'auth0',
    provider: 'Auth0',
    basis: 'documentation',
    header: { alg: 'RS256', kid: 'placeholder-kid' },
    payload: {
      iss: 'https://example.eu.auth0.com/',
      sub: 'auth0|602e93db4a4d210071e5e7f9',
      aud: 'CLIENT_ID',
      iat: 0,
      exp: 120,
      jti: '77f9e83d-0000-4000-8000-placeholder00',
      events,
      sid: '375UMnVwplaceholderpXCVPgN',
    },
    http: { contentType: form, success: '200', retries: 'not documented' },
    byDefault: 'accepted',
    settings: {},
    notes: 'The issuer ends in a slash; a custom domain is another issuer. typ and lifetime are guesses.',
  },
  {
    id: 'duende-identityserver',
    provider: 'Duende IdentityServer 7 and 8',
    basis: 'source',
    header: { alg: 'RS256', kid: '3C2E9C9F5B0D4F0E8F2B6C4D0E1F2A3B', typ: 'logout+jwt' },
    payload: {
      iss: 'https://demo.example.com',
      nbf: 0,
      iat: 0,
      exp: 300,
      aud: 'CLIENT_ID',
      jti: '5F2B7E0C8D9A4B3C1E6F0A7D8C9B2E4F',
      events,
      sub: '818727',
      sid: '6A0A8E4F9C0B4B13A7E1F0D2C3B4A596',
      logout_reason: 'user_logout',
    },
    http: { contentType: form, timeout: 10, success: '2xx', retries: 'none', redirects: 'followed' },
    byDefault: 'accepted',
    settings: {},
    notes: 'nbf, so clocks must be in step. It says why: logout_reason.',
  },
  {
    id: 'hydra',
    provider: 'Ory Hydra 2, Ory Network',
    basis: 'source',
    header: { alg: 'RS256', kid: '8d6a1d0f-0000-4000-8000-placeholder00', typ: 'JWT' },
    payload: {
      aud: ['CLIENT_ID'],
      events,
      iat: 0,
      iss: 'https://hydra.example.com/',
      jti: 'c47e5c6c-1d1d-4d3e-9a0f-3f1f6a5e9d11',
      sid: 'd8f0a6c5-2b3e-4a3f-9d2c-8f8d1b8b7a6e',
    },
    http: {
      contentType: form,
      timeout: 30,
      success: '200, 204',
      retries: 'the same token, after a connection error, 429 or 5xx',
      redirects: 'followed',
    },
    byDefault: noExp,
    settings: { requireExp: false },
    options: { unavailableStatus: 503 },
    notes: 'No exp, and a sid without a sub. The issuer usually ends in a slash.',
  },
  {
    id: 'authentik',
    provider: 'authentik 2025.8.2 and later',
    basis: 'source',
    header: { alg: 'RS256', kid: 'placeholder-kid', typ: 'logout+jwt' },
    payload: {
      iss: 'https://auth.example.com/application/o/app/',
      aud: 'CLIENT_ID',
      iat: 0,
      exp: 120,
      jti: '5f1d8f8c-3f0b-4d62-9c0e-7b0d9a1d2e3f',
      events,
      sid: 'd41d8cd98f00b204e9800998ecf8427eplaceholder',
    },
    http: { contentType: form, success: '2xx', retries: 'its task queue, after an exception', redirects: 'followed' },
    byDefault: 'accepted',
    settings: {},
    notes:
      'A session that ends is named by sid, a user by sub. The issuer is per application. HS256 where the provider has no signing key. The lifetime is a guess.',
  },
  {
    id: 'authentik-2025.8.0',
    provider: 'authentik 2025.8.0 and 2025.8.1',
    basis: 'source',
    header: { alg: 'RS256', kid: 'placeholder-kid', typ: 'logout+jwt' },
    payload: {
      iss: 'https://auth.example.com/application/o/app/',
      aud: 'CLIENT_ID',
      iat: 0,
      jti: '5f1d8f8c-3f0b-4d62-9c0e-7b0d9a1d2e3f',
      events,
      sub: 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90',
    },
    http: { contentType: form, success: '2xx', retries: 'its task queue, after an exception', redirects: 'followed' },
    byDefault: noExp,
    settings: { requireExp: false },
    notes: 'No exp.',
  },
  {
    id: 'zitadel',
    provider: 'ZITADEL',
    basis: 'source',
    header: { alg: 'RS256', kid: '270000000000000001', typ: 'JWT' },
    payload: {
      iss: 'https://example.zitadel.cloud',
      sub: '260000000000000001',
      aud: ['CLIENT_ID'],
      iat: -1,
      exp: 900,
      jti: '280000000000000001',
      events,
      sid: 'V2_290000000000000001',
    },
    http: { contentType: form, timeout: 5, success: '200, 202, 204', retries: 'unless the answer is 400' },
    byDefault: 'accepted',
    settings: { iatSkew: 1 },
    options: { unavailableStatus: 503 },
    notes: 'iat is a second early: without the setting, a sign-in of that very second outlives its logout.',
  },
  {
    id: 'node-oidc-provider',
    provider: 'node-oidc-provider 9',
    basis: 'source',
    header: { alg: 'RS256', typ: 'logout+jwt', kid: 'r1LkbBo3925Rb2ZFFrKyU3MVex9T2817Kx0vbi6i_Kc' },
    payload: nodePayload,
    http: nodeHttp,
    byDefault: 'accepted',
    settings: {},
    notes: 'sid only with backchannel_logout_session_required; each client has its own.',
  },
  {
    id: 'node-oidc-provider-hs256',
    provider: 'node-oidc-provider 9: id_token_signed_response_alg HS256',
    basis: 'source',
    header: { alg: 'HS256', typ: 'logout+jwt' },
    payload: { ...nodePayload, jti: 'Uakgb_J5m9g-0JDMbcJqL' },
    http: nodeHttp,
    byDefault: otherAlg,
    settings: { algorithms: ['HS256'], clientSecret: 'CLIENT_SECRET-of-the-32-bytes-that-HS256-wants' },
    notes: 'The key is the client secret, as UTF-8.',
  },
  {
    id: 'node-oidc-provider-jwe',
    provider: 'node-oidc-provider 9: id_token_encrypted_response_alg RSA-OAEP',
    basis: 'source',
    header: { alg: 'RS256', typ: 'logout+jwt', kid: 'r1LkbBo3925Rb2ZFFrKyU3MVex9T2817Kx0vbi6i_Kc' },
    payload: { ...nodePayload, jti: '4f90d13a42' },
    encryption: {
      alg: 'RSA-OAEP',
      enc: 'A128CBC-HS256',
      cty: 'JWT',
      kid: 'rp-enc-key-1',
      iss: nodePayload.iss,
      aud: 'CLIENT_ID',
    },
    http: nodeHttp,
    byDefault: { code: 'ERR_LOGOUT_TOKEN_INVALID' },
    settings: { decryption: { keys: [], alg: ['RSA-OAEP'], enc: ['A128CBC-HS256'], required: true } },
    notes: 'A signed token in an encrypted one, as its ID Tokens are.',
  },
  {
    id: 'logto',
    provider: 'Logto',
    basis: 'source',
    header: { alg: 'ES384', typ: 'logout+jwt', kid: 'placeholder-kid' },
    payload: {
      ...nodePayload,
      sub: 'u6mt0l8pt3ke',
      jti: '2gS5rGm2J0mR1wq5Wm0yD',
      sid: 'Vb1mYk2m3Qw9uXo0l5bQJ',
      iss: 'https://tenant.logto.app/oidc',
    },
    http: nodeHttp,
    byDefault: otherAlg,
    settings: { algorithms: ['ES384'] },
    notes: 'It has node-oidc-provider inside. RS256 where the tenant was given an RSA key.',
  },
  {
    id: 'rauthy-sub',
    provider: 'Rauthy: a user',
    basis: 'source',
    header: { alg: 'RS256', kid: 'placeholder-kid', typ: 'JWT' },
    payload: rauthyPayload,
    http: rauthyHttp,
    byDefault: 'accepted',
    settings: {},
    notes: 'Where the client is set to RS256. Half a minute of life.',
  },
  {
    id: 'rauthy-sid',
    provider: 'Rauthy: a session, EdDSA',
    basis: 'source',
    header: { alg: 'EdDSA', kid: 'placeholder-kid', typ: 'JWT' },
    payload: { ...rauthyPayload, jti: 'aB3dE5fG', sub: null, sid: 'placeholderSessionId0123456789' },
    http: rauthyHttp,
    byDefault: otherAlg,
    settings: { algorithms: ['EdDSA'] },
    notes: 'sub is there, and null.',
  },
  {
    id: 'authelia-lib',
    provider: "Authelia's OAuth 2.0 library",
    basis: 'source',
    header: { alg: 'RS256', kid: 'placeholder-kid', typ: 'logout+jwt' },
    payload: {
      jti: '6f9619ff-8b86-4011-b42d-00c04fc964ff',
      iss: 'https://auth.example.com',
      sub: 'alice',
      aud: ['CLIENT_ID'],
      iat: 0,
      exp: 300,
      events,
      sid: 'session-1',
    },
    http: { contentType: form, success: '200, 204', retries: 'by its HTTP client', redirects: 'not followed' },
    byDefault: 'accepted',
    settings: {},
    notes: 'Authelia itself does not use it yet.',
  },
  {
    id: 'ping-am-nhs-cis2',
    provider: 'PingAM (ForgeRock), as NHS CIS2 has it',
    basis: 'documentation',
    header: { kid: 'Xie81yxqBz-7MBOyykWmf-W1UwpsV16DJnQpxs_zixQ', typ: 'JWT', alg: 'RS512' },
    payload: {
      aud: 'CLIENT_ID',
      iss: 'https://am.example.com:443/openam/oauth2/realms/root/realms/oidc',
      sub: '9999999999',
      iat: 0,
      jti: 'placeholder-uuid',
      events,
      sid: 'placeholder-sid',
    },
    http: { contentType: form, success: 'any answer', retries: 'not documented' },
    byDefault: otherAlg,
    settings: { algorithms: ['RS512'], requireExp: false },
    notes: 'The issuer has the port :443, which counts. Imitated from the tests of an application, not captured.',
  },
  {
    id: 'django-oauth-toolkit',
    provider: 'django-oauth-toolkit (a pull request)',
    basis: 'source',
    header: { alg: 'RS256', kid: 'placeholder-kid', typ: 'JWT' },
    payload: {
      iss: 'https://django.example.com/o',
      sub: '1',
      aud: 'CLIENT_ID',
      iat: 0,
      exp: 600,
      jti: 'SAME-AS-ID-TOKEN-JTI',
      events,
    },
    http: { contentType: form, timeout: 5, success: 'not looked at', retries: 'none' },
    byDefault: 'accepted',
    settings: {},
    notes: 'One jti for all logouts of one ID Token. No sid: all sessions of the user end.',
  },
]
