import { monotonicNow, requireOption, singleFlight, type Flight } from '@bcl/core/kit'
import {
  allowInsecureRequests as insecure,
  clientCredentialsGrantRequest,
  ClientSecretBasic,
  ClientSecretJwt,
  ClientSecretPost,
  customFetch,
  discoveryRequest,
  PrivateKeyJwt,
  processClientCredentialsResponse,
  processDiscoveryResponse,
  type ClientAuth,
  type CryptoKey,
} from 'oauth4webapi'
import { allowedUrl, textOf } from './request.js'

/** The OAuth client credentials for stream management and poll. */
export interface ClientCredentials {
  clientId: string
  /** The secret of the client, for methods that use a secret. */
  clientSecret?: string | undefined
  /** The private key of the client, for `private_key_jwt`. */
  privateKey?: CryptoKey | undefined
  /** The `kid` of {@link privateKey}. */
  kid?: string | undefined
  /** The method of client authentication. @default 'client_secret_basic', or 'private_key_jwt' with a {@link privateKey} */
  authentication?: 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt' | 'private_key_jwt' | undefined
  /** The requested scopes, separated by spaces. @default 'ssf.read ssf.manage' */
  scope?: string | undefined
  /** The issuer of the authorization server. @default the transmitter */
  authorizationServer?: string | undefined
}

/** The time-out for all requests that fetch one token, in seconds. */
const tokenTime = 10
/** A token is replaced this many seconds before it expires. */
const earlier = 30
/** The assumed lifetime of a token without `expires_in`, in seconds. */
const usedFor = 90

/** The authentication methods that use the secret of the client. */
export const secretMethods = {
  client_secret_basic: ClientSecretBasic,
  client_secret_post: ClientSecretPost,
  client_secret_jwt: ClientSecretJwt,
}

function authenticationOf({ clientSecret, privateKey, kid, authentication }: ClientCredentials): ClientAuth {
  const method = authentication ?? (privateKey ? 'private_key_jwt' : 'client_secret_basic')
  const key = method === 'private_key_jwt' ? 'privateKey' : 'clientSecret'
  requireOption(!!{ privateKey, clientSecret }[key], `clientCredentials.${key}`, `must be set for ${method}`)
  if (method !== 'private_key_jwt') return secretMethods[method](clientSecret!)
  return PrivateKeyJwt({ key: privateKey!, kid: kid! })
}

/**
 * Makes the function that gets an access token by client credentials (RFC 6749, 4.4). The function caches the token until
 * shortly before it expires.
 */
export function createTokenSource(
  credentials: ClientCredentials,
  options: { transmitter: string; fetch?: typeof fetch | undefined; allowInsecureRequests?: boolean | undefined },
): (isRefused?: boolean) => Promise<string> {
  const { clientId, scope = 'ssf.read ssf.manage', authorizationServer = options.transmitter } = credentials
  const authentication = authenticationOf(credentials)
  const issuer = allowedUrl(
    authorizationServer,
    authorizationServer,
    options.allowInsecureRequests,
    'clientCredentials.authorizationServer',
  )
  const flights = singleFlight<Flight<string>>(tokenTime)
  let cached: { token: string; until: number } | undefined

  const get = async (): Promise<string> => {
    const http = {
      [customFetch]: async (url: string, init: object): Promise<Response> => {
        const { href } = allowedUrl(url, issuer.href, options.allowInsecureRequests)
        const response = await (options.fetch ?? fetch)(href, init)
        // oauth4webapi does not limit the size of an answer. So `textOf` reads the answer up to a limit, and oauth4webapi
        // gets a new response with the text.
        return new Response(await textOf(response), response)
      },
      // Turns off the check of oauth4webapi, because the check above replaces it.
      [insecure]: true,
      signal: AbortSignal.timeout(tokenTime * 1000),
    }
    // The metadata is read for each token, because the authorization server can move its token endpoint.
    const server = await processDiscoveryResponse(
      issuer,
      await discoveryRequest(issuer, { algorithm: 'oauth2', ...http }),
    )
    const client = { client_id: clientId }
    const response = await clientCredentialsGrantRequest(server, client, authentication, { scope }, http)
    const { access_token: token, expires_in: seconds = usedFor } = await processClientCredentialsResponse(
      server,
      client,
      response,
    ).catch((error: Error) => {
      // The cause can be the body of the answer, with the token.
      throw Object.assign(error, { cause: undefined })
    })
    cached = { token, until: monotonicNow() + seconds - earlier }
    return token
  }
  return async (isRefused) =>
    cached && !isRefused && monotonicNow() < cached.until ? cached.token : flights.run(get).result
}
