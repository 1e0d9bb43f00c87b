import { BACKCHANNEL_LOGOUT_EVENT, type BackchannelLogoutErrorCode, type TrustedIssuer } from '@bcl/core'

/** The Logout Token of one provider: its form, its HTTP request, and the settings with which `@bcl/core` accepts it. */
export interface ProviderProfile {
  /**
   * The id. It does not change between releases. If a conformance case sends this token, the id of the case is `provider/` and
   * this id.
   */
  id: string
  /** The product and its versions. */
  provider: string
  /** The source of the token's form: a captured request, the provider's source code, or its documentation. */
  basis: 'captured' | 'source' | 'documentation'
  /** The JWS header. */
  header: { readonly alg: string; readonly kid?: string; readonly [name: string]: unknown }
  /**
   * The claims. `iat`, `exp` and `nbf` are in seconds, relative to the time of sending. {@link profileToken} adds the current
   * time.
   */
  payload: { readonly iss: string; readonly iat: number; readonly [claim: string]: unknown }
  /** The JWE header, if the provider encrypts the token. */
  encryption?: { readonly alg: string; readonly enc: string; readonly kid: string; readonly [name: string]: unknown }
  http: ProviderHttp
  /** The result of `@bcl/core` if only the issuer, the client and the keys are configured. */
  byDefault: 'accepted' | { readonly code: BackchannelLogoutErrorCode; readonly claim?: string }
  /**
   * The settings of the trusted issuer with which `@bcl/core` accepts the token. Not set if `@bcl/core` cannot accept
   * the token. `decryption` has no keys here, because {@link profileToken} adds them.
   */
  settings?: Partial<TrustedIssuer>
  /** Options of `createBackchannelLogout` that suit the provider. */
  options?: { readonly unavailableStatus: 503 }
  /** Other facts for users of this provider. */
  notes: string
}

/** The way in which a provider sends its Logout Tokens. */
export interface ProviderHttp {
  contentType: string
  userAgent?: string
  /** The time-out of the provider for the answer, in seconds. */
  timeout?: number
  /** The answers that the provider accepts as success. */
  success: string
  /** The cases in which the provider sends a token again. */
  retries: string
  /** The behaviour of the provider on a redirect. */
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
  redirects: 'follows a 303 with a GET, follows no other',
}
const keycloakHttp: ProviderHttp = {
  contentType: form,
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
  redirects: 'count as a failure',
}
const lemonldapHttp: ProviderHttp = {
  contentType: form,
  timeout: 180,
  success: 'any answer below 400',
  retries: 'none',
  redirects: 'followed',
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

/**
 * The Logout Tokens of known providers. {@link runConformance} sends only profiles that are signed with RS256 and accepted by
 * default. Every application under test must accept such tokens.
 */
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
      'The header has no typ. In some versions the thumbprint in the header does not follow RFC 7515. The sid names the browser session, so all applications in it have the same sid. The sub is the sub of the user for the first application of the browser session.',
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
    notes: 'Each sub-organisation has its own issuer, with the id of the organisation in the path.',
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
    notes:
      'The token has an empty claim event instead of events, so it is not a Logout Token. Later versions send events.',
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
      sid: 'n0V3cQmL7bYx2RtKJp8sWd4A',
      events: { ...events, revoke_offline_access: true },
    },
    http: keycloakHttp,
    byDefault: 'accepted',
    settings: {},
    notes:
      'The token also has a claim typ. It has a sid only if "Backchannel logout session required" is on. The alg is a setting of the client. HS256 cannot work, because Keycloak then signs the token with a key of the realm.',
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
    notes: 'The token has no exp. A token without sid ends all sessions of the user.',
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
    notes:
      'The issuer ends with a slash. A custom domain is a different issuer. The typ and the lifetime in this profile are guesses.',
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
    notes: 'The token has an nbf, so the clocks must agree. The claim logout_reason says why the user was logged out.',
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
    notes: 'The token has no exp, and a sid without a sub. The issuer usually ends with a slash.',
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
      'The sid names one session; the sub names all sessions of a user. Each application has its own issuer. If the provider has no signing key, it signs with HS256. The lifetime in this profile is a guess.',
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
    notes: 'The token has no exp.',
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
    notes: 'The iat is one second early. Without iatSkew, a session that began in that second survives its logout.',
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
    notes:
      'The token has a sid only if the client is registered with backchannel_logout_session_required. Each client has its own sid.',
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
    notes: 'The key is the client secret in UTF-8.',
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
    notes: 'The signed token is encrypted in the same way as the ID Tokens.',
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
    notes: 'Logto is built on node-oidc-provider. If the tenant has an RSA key, Logto signs with RS256.',
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
    notes: 'This is the token for a client that is set to RS256. It is valid for 30 seconds.',
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
    notes: 'The token has a sub whose value is null.',
  },
  {
    id: 'better-auth-1.7',
    provider: 'Better Auth 1.7 with @better-auth/oauth-provider',
    basis: 'captured',
    header: { typ: 'logout+jwt', alg: 'EdDSA', kid: 'VA4viTwp4w0B1FXFsTNhgBcBGbM6f3sn' },
    payload: {
      iss: 'https://auth.example.com/api/auth',
      aud: 'CLIENT_ID',
      sub: '0QCBKiokSu7Npa2GU355NvP1nYuNBq4o',
      sid: 'gYUEFLexKQYBsUScUy6vvCfoh0W6SIQY',
      iat: 0,
      exp: 120,
      jti: 'YIECEmT200zmS4QqPWz1gTHjfOUOJjji',
      events,
    },
    http: {
      contentType: form,
      userAgent: 'node',
      timeout: 5,
      success: '200, 204',
      retries: 'none',
      redirects: 'count as a failure',
    },
    byDefault: otherAlg,
    settings: { algorithms: ['EdDSA'] },
    notes:
      'Better Auth signs with EdDSA, unless its jwt plugin has keys of another kind. A client cannot be registered if its backchannel_logout_uri is http or has a private address.',
  },
  {
    id: 'lemonldap-2.21',
    provider: 'LemonLDAP::NG 2.21',
    basis: 'captured',
    header: { kid: 'run', alg: 'RS256', typ: 'JWT' },
    payload: {
      events,
      jti: 'R5G4X34Z',
      iat: 0,
      aud: ['CLIENT_ID'],
      sid: 'OlYPwBk4wYpUAJ3S8Ch7vgoCPyRV1sB/bNpuptkJl0A',
      iss: 'https://auth.example.com',
      sub: 'dwho',
    },
    http: { ...lemonldapHttp, userAgent: 'LemonLDAP-NG/2.21.2 libwww-perl/6.78' },
    byDefault: noExp,
    settings: { requireExp: false },
    notes:
      'The token has no exp. The alg is the algorithm of the access tokens of the client. The aud can have additional audiences.',
  },
  {
    id: 'glewlwyd-2.7',
    provider: 'Glewlwyd 2.7',
    basis: 'captured',
    header: { typ: 'JWT', alg: 'RS256', kid: 'lywzy0aDFzw2Uh8qd1ZfMqdOi6WaTEOt4IwoHMeQIRc' },
    payload: {
      iss: 'https://glewlwyd.example.com/api/oidc',
      aud: 'CLIENT_ID',
      sub: 'Cm5OolbooWj1Adhxy5rDrsMMWE1XQdzF',
      iat: 0,
      jti: 'Hsk6YHCjr5ScpzQlM1XkIadvC1oSR0Mx',
      sid: 'VbuXMLLsFQxmnLvUaSg6DZk6MxvdZvII',
      events,
    },
    http: { contentType: form, success: 'not looked at', retries: 'none' },
    byDefault: noExp,
    settings: { requireExp: false },
    notes:
      'The token has no exp. Glewlwyd sends it only if the user confirms the sign-out on the page of the provider.',
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
    notes: 'Authelia itself does not use this library yet.',
  },
  {
    id: 'ping-am-nhs-cis2',
    provider: 'PingAM (ForgeRock), as configured at NHS CIS2',
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
    notes:
      'The issuer contains the port :443, which is part of its name. The form comes from the tests of an application, not from a captured request.',
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
    notes:
      'All Logout Tokens for one ID Token have the same jti. The token has no sid, so it ends all sessions of the user.',
  },
]
