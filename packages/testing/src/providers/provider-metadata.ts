import type { TestIssuer } from './test-issuer.js'

export const responseTypes = ['code', 'id_token', 'code id_token']

const authMethods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none']

/** The discovery document of a provider whose endpoints are below `base`. */
export const metadataOf = ({ issuer, key }: TestIssuer, base: string): object => ({
  issuer,
  authorization_endpoint: `${base}/authorize`,
  token_endpoint: `${base}/token`,
  userinfo_endpoint: `${base}/userinfo`,
  jwks_uri: `${base}/jwks`,
  end_session_endpoint: `${base}/end_session`,
  scopes_supported: ['openid', 'profile', 'email'],
  response_types_supported: responseTypes,
  response_modes_supported: ['query', 'fragment', 'form_post'],
  grant_types_supported: ['authorization_code', 'implicit'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: [key.alg],
  token_endpoint_auth_methods_supported: authMethods,
  token_endpoint_auth_signing_alg_values_supported: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'],
  code_challenge_methods_supported: ['S256'],
  claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'nonce', 'sid', 'auth_time'],
  authorization_response_iss_parameter_supported: true,
  backchannel_logout_supported: true,
  backchannel_logout_session_supported: true,
})
