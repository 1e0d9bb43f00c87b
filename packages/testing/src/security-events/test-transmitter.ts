import { randomId } from '../random-id.js'
import { createTestIssuer, type TestIssuer, type TestIssuerOptions } from '../providers/test-issuer.js'

/** Options of {@link createTestTransmitter}. */
export interface TestTransmitterOptions extends Pick<TestIssuerOptions, 'key' | 'now'> {
  /** The issuer of the tokens. @default 'https://transmitter.example.com/acme' */
  issuer?: string | undefined
  /** The `aud` of tokens that do not belong to a stream. @default 'test-receiver' */
  audience?: string | undefined
  /** Sends the pushes. @default globalThis.fetch */
  push?: typeof fetch | undefined
  /** The access token that stream management and poll require. @default 'test-access-token' */
  accessToken?: string | undefined
}

/** A stream of a {@link TestTransmitter}. */
export interface TestStream {
  stream_id: string
  aud: string
  status: string
  delivery: { method: string; endpoint_url?: string; authorization_header?: string }
  /** The tokens that the receiver has not acknowledged, by `jti`. */
  readonly waiting: Map<string, string>
  /** The errors that the receiver reported, by `jti`. */
  readonly errors: Map<string, unknown>
  [member: string]: unknown
}

/** A transmitter of Security Event Tokens in memory (Shared Signals): push, poll and stream management. */
export interface TestTransmitter {
  readonly issuer: string
  readonly audience: string
  readonly accessToken: string
  /** Signs the tokens. */
  readonly op: TestIssuer
  /** The streams, by id. */
  readonly streams: ReadonlyMap<string, TestStream>
  /**
   * Signs a token. By default, the token has the CAEP event session-revoked for all sessions of "alice". `claims` replaces
   * members of the payload, and `header` replaces members of the header. The value `undefined` removes a member.
   */
  set(claims?: object, header?: object): Promise<string>
  /** Adds a token to every enabled stream. Then pushes tokens as {@link deliver} does. */
  emit(claims?: object): Promise<void>
  /** Pushes the waiting tokens of all enabled push streams. Resolves to the statuses of the answers. */
  deliver(): Promise<number[]>
  /** Serves the metadata, keys, access tokens, stream management and poll. Adds each request to {@link requests}. */
  readonly fetch: typeof fetch
  /** The method and the URL of each request. */
  readonly requests: string[]
  /**
   * The largest number of requests that ran at the same time. Requests for metadata, keys and access tokens do not
   * count.
   */
  readonly mostAtOnce: number
  /** A function that returns a wrong answer to a request. If it returns `undefined`, the request gets the right answer. */
  fault: ((request: Request) => Response | undefined | Promise<Response | undefined>) | undefined
}

const sessionRevoked = 'https://schemas.openid.net/secevent/caep/event-type/session-revoked'
const verification = 'https://schemas.openid.net/secevent/ssf/event-type/verification'
const push = 'urn:ietf:rfc:8935'

const json = (body: object, status = 200): Response => Response.json(body, { status })
const empty = (status: number): Response => new Response(null, { status })
const describe = ({ waiting: _waiting, errors: _errors, status: _status, ...stream }: TestStream): object => stream
const statusOf = ({ stream_id, status }: TestStream): object => ({ stream_id, status })

/**
 * Makes a transmitter of Security Event Tokens in memory.
 *
 * @example
 * ```ts
 * import { createTestTransmitter } from '@bcl/testing'
 *
 * const transmitter = await createTestTransmitter()
 * const token = await transmitter.set({ sub_id: { format: 'iss_sub', iss: 'https://op.example.com', sub: 'alice' } })
 * ```
 */
export async function createTestTransmitter(options: TestTransmitterOptions = {}): Promise<TestTransmitter> {
  const { issuer = 'https://transmitter.example.com/acme', audience = 'test-receiver' } = options
  const { accessToken = 'test-access-token' } = options
  const op = await createTestIssuer({ issuer, key: options.key, now: options.now })
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const base = origin + path
  const streams = new Map<string, TestStream>()
  const requests: string[] = []
  let mostAtOnce = 0
  let atOnce = 0

  const set: TestTransmitter['set'] = (claims = {}, header = {}) => {
    const payload = {
      iss: issuer,
      aud: audience,
      iat: op.now(),
      jti: randomId(),
      sub_id: { format: 'iss_sub', iss: issuer, sub: 'alice' },
      events: { [sessionRevoked]: {} },
      ...claims,
    }
    const parameters = Object.entries({ alg: op.key.alg, kid: op.key.kid, typ: 'secevent+jwt', ...header })
    return op.sign(payload, Object.fromEntries(parameters.filter(([, value]) => value !== undefined)))
  }

  const deliver = async (): Promise<number[]> => {
    const statuses: number[] = []
    for (const { delivery, waiting, status } of streams.values()) {
      if (delivery.method !== push || status !== 'enabled') continue
      for (const [jti, body] of waiting) {
        const headers = new Headers({ 'content-type': 'application/secevent+jwt', accept: 'application/json' })
        if (delivery.authorization_header) headers.set('authorization', delivery.authorization_header)
        const answer = await (options.push ?? fetch)(delivery.endpoint_url!, { method: 'POST', headers, body })
        statuses.push(answer.status)
        if (answer.status === 202) waiting.delete(jti)
      }
    }
    return statuses
  }

  const add = async (stream: TestStream, claims: object): Promise<void> => {
    const jti = randomId()
    stream.waiting.set(jti, await set({ jti, aud: stream.aud, ...claims }))
  }

  const create = ({ delivery, ...members }: Partial<TestStream>): Response => {
    if (streams.size > 0) return json({ err: 'a stream exists' }, 409)
    if ('iss' in members || 'aud' in members || 'events_supported' in members) return json({ err: 'not yours' }, 400)
    const stream_id = randomId()
    const poll = { endpoint_url: `${base}/poll/${stream_id}` }
    const stream: TestStream = {
      ...members,
      stream_id,
      iss: issuer,
      aud: `${audience}/${stream_id}`,
      status: 'enabled',
      events_delivered: members['events_requested'],
      delivery: { ...(delivery?.method === push ? {} : poll), ...delivery! },
      waiting: new Map(),
      errors: new Map(),
    }
    streams.set(stream_id, stream)
    return json(describe(stream), 201)
  }

  interface Poll {
    maxEvents?: number
    ack?: string[]
    setErrs?: Record<string, unknown>
  }
  const answerPoll = ({ waiting, errors }: TestStream, { maxEvents = 10, ack = [], setErrs = {} }: Poll): Response => {
    for (const jti of [...ack, ...Object.keys(setErrs)]) waiting.delete(jti)
    for (const [jti, error] of Object.entries(setErrs)) errors.set(jti, error)
    if (maxEvents === 0) return empty(204)
    const sets = Object.fromEntries([...waiting].slice(0, maxEvents))
    return json({ sets, moreAvailable: waiting.size > maxEvents })
  }

  const manage = async (request: Request, url: URL): Promise<Response> => {
    if (request.headers.get('authorization') !== `Bearer ${accessToken}`) return empty(401)
    const body = (request.body && request.method !== 'GET' ? await request.json() : {}) as Partial<TestStream> & Poll
    const name = url.pathname.slice(path.length + 1)
    if (name === 'streams' && request.method === 'POST') return create(body)
    const id = url.searchParams.get('stream_id') ?? body.stream_id ?? name.split('/')[1]
    const stream = streams.get(id!)
    if (!stream) return empty(404)
    if (name.startsWith('poll/')) return answerPoll(stream, body)
    if (name === 'streams') {
      if (request.method === 'DELETE') streams.delete(id!)
      if (request.method === 'DELETE') return empty(204)
      if (request.method !== 'GET')
        Object.assign(stream, { ...body, delivery: { ...stream.delivery, ...body.delivery } })
      return json(describe(stream))
    }
    if (name === 'status') {
      if (request.method === 'POST') stream.status = body.status!
      return json(statusOf(stream))
    }
    if (name === 'verify') {
      const events = { [verification]: body['state'] === undefined ? {} : { state: body['state'] } }
      await add(stream, { events, sub_id: { format: 'opaque', id } })
      return empty(204)
    }
    return empty(name === 'subjects:add' ? 200 : 204)
  }

  const serve = async (request: Request): Promise<Response> => {
    const url = new URL(request.url)
    requests.push(`${request.method} ${request.url}`)
    const wrong = await transmitter.fault?.(request)
    if (wrong) return wrong
    if (url.pathname === `/.well-known/ssf-configuration${path}`)
      return json({
        issuer,
        jwks_uri: `${base}/jwks`,
        configuration_endpoint: `${base}/streams`,
        status_endpoint: `${base}/status`,
        verification_endpoint: `${base}/verify`,
        add_subject_endpoint: `${base}/subjects:add`,
        remove_subject_endpoint: `${base}/subjects:remove`,
      })
    if (url.pathname === `/.well-known/oauth-authorization-server${path}`)
      return json({ issuer, token_endpoint: `${base}/token` })
    if (url.pathname === `${path}/jwks`) return op.fetch(request.url)
    if (url.pathname === `${path}/token`) {
      const form = new URLSearchParams(await request.text())
      const isRight = form.get('grant_type') === 'client_credentials' && form.get('scope') === 'ssf.read ssf.manage'
      return isRight
        ? json({ access_token: accessToken, token_type: 'Bearer', expires_in: 300 })
        : json({ error: 'invalid_scope' }, 400)
    }
    atOnce += 1
    mostAtOnce = Math.max(mostAtOnce, atOnce)
    try {
      return await manage(request, url)
    } finally {
      atOnce -= 1
    }
  }

  const transmitter: TestTransmitter = {
    issuer,
    audience,
    accessToken,
    op,
    streams,
    set,
    async emit(claims = {}) {
      for (const stream of streams.values()) if (stream.status === 'enabled') await add(stream, claims)
      await deliver()
    },
    deliver,
    fetch: ((input, init) => serve(new Request(input as string, init))) as typeof fetch,
    requests,
    get mostAtOnce() {
      return mostAtOnce
    },
    fault: undefined,
  }
  return transmitter
}
