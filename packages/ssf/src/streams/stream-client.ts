import {
  createDiscovery,
  fetchRules,
  isFunction,
  isObject,
  isText,
  oneOf,
  readOptions,
  requireAddress,
  requireOption,
  text,
  type JSONObject,
  type Rules,
} from '@bcl/core/kit'
import { createTokenSource, secretMethods, type ClientCredentials } from './client-credentials.js'
import { inTurn, send, tokenOf, type AccessToken } from './request.js'
import { metadataRule, metadataUrls, secret } from '../transmitters/transmitter.js'
import { isStreamEvent, type SubjectIdentifier } from '../events/security-event.js'

/** The way in which a stream delivers tokens. */
export interface StreamDelivery {
  /** `urn:ietf:rfc:8935` for push, `urn:ietf:rfc:8936` for poll. */
  method: string
  /** Push: the URL of your endpoint. Poll: the transmitter sets the URL. */
  endpoint_url?: string | undefined
  /** Push: the value of the `Authorization` header. Use the same value for `pushAuthorization` of the receiver. */
  authorization_header?: string | undefined
}

/** The members of a stream that your application sets. */
export interface StreamRequest {
  /** The URIs of the event types that the transmitter must send. */
  events_requested?: readonly string[] | undefined
  delivery?: StreamDelivery | undefined
  description?: string | undefined
}

/** A stream, as the transmitter describes it. */
export interface StreamConfiguration extends StreamRequest {
  stream_id: string
  /** The issuer of the tokens. */
  iss?: string | undefined
  /** The audience of the tokens. */
  aud?: string | readonly string[] | undefined
  /** The URIs of the event types that the transmitter can send. */
  events_supported?: readonly string[] | undefined
  /** The URIs of the event types that the transmitter sends. */
  events_delivered?: readonly string[] | undefined
  [member: string]: unknown
}

/** The status of a stream. */
export interface StreamStatus {
  stream_id: string
  /** A `paused` stream keeps its events until it is enabled again. A `disabled` stream loses them. */
  status: 'enabled' | 'paused' | 'disabled'
  /** The reason for the status, in words. */
  reason?: string | undefined
}

/** Options of {@link createStreamClient}. Set `accessToken` or `clientCredentials`. */
export interface StreamClientOptions {
  /** The issuer of the transmitter. */
  transmitter: string
  /** A Bearer token, or a function that gets it. */
  accessToken?: AccessToken | undefined
  /** The client credentials for access tokens. */
  clientCredentials?: ClientCredentials | undefined
  /** The address of the metadata. @default `/.well-known/ssf-configuration` before or after the path of the issuer */
  metadata?: URL | undefined
  /** The `fetch` to use. @default globalThis.fetch */
  fetch?: typeof fetch | undefined
  /** Allow plain `http:` to other machines. @default false */
  allowInsecureRequests?: boolean | undefined
}

/**
 * Manages the streams of one transmitter. Every method rejects with a `StreamRequestError` if the transmitter answers with
 * an error status or a wrong body. It rejects with a `TypeError` if the metadata does not have the endpoint, or if the access
 * token contains other characters than printable ASCII.
 *
 * @see {@link https://openid.net/specs/openid-sharedsignals-framework-1_0.html OpenID Shared Signals Framework 1.0, 8.1}
 */
export interface StreamClient {
  /** Creates a stream. Status 409 means that a stream already exists. */
  createStream(stream: StreamRequest): Promise<StreamConfiguration>
  /** Reads a stream. Status 404 means that there is no stream with this id. */
  getStream(streamId: string): Promise<StreamConfiguration>
  /** Changes the given members (PATCH). Status 405 means that the transmitter does not support PATCH. */
  updateStream(stream: StreamRequest & { stream_id: string }): Promise<StreamConfiguration>
  /** Replaces all members (PUT). Status 405 means that the transmitter does not support PUT. */
  replaceStream(stream: StreamRequest & { stream_id: string }): Promise<StreamConfiguration>
  /** Deletes a stream. Status 404 means that there is no stream with this id. */
  deleteStream(streamId: string): Promise<void>
  /** Reads the status of a stream. */
  getStatus(streamId: string): Promise<StreamStatus>
  /** Sets the status of a stream. HTTP status 405 means that the transmitter does not support this method. */
  setStatus(status: StreamStatus): Promise<StreamStatus>
  /** Requests a verification event with `state`. The event arrives through the stream. */
  verifyStream(streamId: string, state?: string): Promise<void>
  /**
   * Adds a subject to a stream.
   *
   * @param options `verified` tells whether you have verified that the subject is your user. If it is left out, the transmitter
   *   assumes that you have.
   */
  addSubject(streamId: string, subject: SubjectIdentifier, options?: { verified?: boolean }): Promise<void>
  /** Removes a subject from a stream. The transmitter sends no more events about this subject. */
  removeSubject(streamId: string, subject: SubjectIdentifier): Promise<void>
  /** Gets the access token, for `poll`. Set `isRefused` to true if the transmitter refused the last token. */
  accessToken(isRefused?: boolean): Promise<string>
}

/** The time-out for all requests that look for the metadata, together, in seconds. */
const metadataTime = 5

const poll = 'urn:ietf:rfc:8936'

const credentialRules: Rules = {
  clientId: text(),
  clientSecret: text(undefined),
  privateKey: secret(isObject, 'must be a CryptoKey'),
  kid: text(undefined),
  authentication: oneOf(undefined, ...Object.keys(secretMethods), 'private_key_jwt'),
  scope: text(undefined),
  authorizationServer: text(undefined),
}

const rules: Rules = {
  ...fetchRules,
  transmitter: text(),
  accessToken: secret((value) => isText(value) || isFunction(value), 'must be a non-empty string or a function'),
  clientCredentials: [(value, path) => !!readOptions(value, credentialRules, path), '', undefined],
  metadata: metadataRule,
}

/**
 * Picks the members that the application sets. Leaves out the event types about the stream, because a transmitter sends
 * these events without a request.
 */
const requestOf = ({
  stream_id,
  events_requested: types,
  delivery,
  description,
}: StreamRequest & { stream_id?: string | undefined }): object => ({
  stream_id,
  events_requested: types?.filter((type) => !isStreamEvent(type)),
  // With poll, the transmitter sets the URL.
  delivery: delivery?.method === poll ? { method: poll } : delivery,
  description,
})

/**
 * Makes a client that manages the streams of one transmitter. The call sends no request.
 *
 * @throws {TypeError} if an option is wrong or unknown.
 * @example
 * ```ts
 * import { createStreamClient } from '@bcl/ssf'
 *
 * const client = createStreamClient({
 *   transmitter: 'https://idp.example.com/realms/acme',
 *   clientCredentials: { clientId: 'my-receiver', clientSecret: 'secret' },
 * })
 *
 * export const create = () =>
 *   client.createStream({
 *     delivery: { method: 'urn:ietf:rfc:8936' },
 *     events_requested: ['https://schemas.openid.net/secevent/caep/event-type/session-revoked'],
 *   })
 * ```
 */
export function createStreamClient(options: StreamClientOptions): StreamClient {
  const read = readOptions(options, rules) as StreamClientOptions
  const { transmitter, accessToken, clientCredentials, metadata, allowInsecureRequests } = read
  requireAddress({ issuer: transmitter }, '', allowInsecureRequests)
  requireOption(!accessToken !== !clientCredentials, 'accessToken', 'or clientCredentials must be set, not both')
  const getToken = accessToken ?? createTokenSource(clientCredentials!, read)
  const request = { ...read, accessToken: getToken }

  const discover = createDiscovery(
    { issuer: transmitter, metadata: metadataUrls(transmitter, metadata, '', allowInsecureRequests) },
    read,
  )
  let found: JSONObject | undefined
  const call = async <T>(method: string, name: string, body?: object, streamId?: string): Promise<T> => {
    try {
      found ??= (await inTurn(transmitter, () => discover(AbortSignal.timeout(metadataTime * 1000)))).metadata
      const endpoint = found[`${name}_endpoint`]
      requireOption(isText(endpoint), `${name}_endpoint`, 'is not in the metadata')
      return (await send(request, method, endpoint, body as JSONObject, streamId)) as T
    } catch (error) {
      // The transmitter may have moved the endpoint. So the next call reads the metadata again.
      found = undefined
      throw error
    }
  }
  const configure = (method: string, stream: Parameters<typeof requestOf>[0]) =>
    call<StreamConfiguration>(method, 'configuration', requestOf(stream))
  const post = async (name: string, body: object): Promise<void> => void (await call('POST', name, body))

  return {
    createStream: (stream) => configure('POST', { ...stream, stream_id: undefined }),
    getStream: (id) => call('GET', 'configuration', undefined, id),
    updateStream: (stream) => configure('PATCH', stream),
    replaceStream: (stream) => configure('PUT', stream),
    deleteStream: async (id) => void (await call('DELETE', 'configuration', undefined, id)),
    getStatus: (id) => call('GET', 'status', undefined, id),
    setStatus: (status) => call('POST', 'status', status),
    verifyStream: (stream_id, state) => post('verification', { stream_id, state }),
    addSubject: (stream_id, subject, { verified } = {}) => post('add_subject', { stream_id, subject, verified }),
    removeSubject: (stream_id, subject) => post('remove_subject', { stream_id, subject }),
    accessToken: (isRefused) => tokenOf(getToken, isRefused),
  }
}
