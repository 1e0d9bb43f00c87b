import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type TrustedIssuer } from '@bcl/core'
import * as fc from 'fast-check'
import { generateKeyPairSync, sign } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { now, pass, sleep, startFakeClock } from './fake-clock.js'

/*
 * A model of the fetches of keys. In a random run, a provider rotates, withdraws and moves its keys, and is slow or down. Forged
 * tokens arrive before and between its genuine tokens. A fake clock lets hours pass. The model sees each request and each
 * answer. From these alone, it decides how each token must end (RP-50 to RP-54). It does not know how the library decides.
 */

const clientId = 'web'
/** How an endpoint of a provider behaves. The mood `empty` answers with an empty object, or with an empty JWK Set. */
type Mood = 'works' | 'status404' | 'status500' | 'garbage' | 'empty' | 'drops' | 'hangs'
type Code = 'ok' | 'ERR_LOGOUT_KEYS_UNAVAILABLE' | 'ERR_LOGOUT_TOKEN_SIGNATURE'

const isFull = process.env['BCL_MODEL'] === 'full'
startFakeClock()
// The real function does not use the fake clock.
vi.spyOn(AbortSignal, 'timeout').mockImplementation((milliseconds) => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('time-out')), milliseconds)
  return controller.signal
})

/** A key of a provider. The token of a key has the `kid` of the key, or no `kid`. */
class Key {
  publishedAt = Infinity
  withdrawnAt = Infinity
  readonly #pair = generateKeyPairSync('ed25519')
  readonly jwk: object
  readonly kid: string | undefined
  constructor(kid: string | undefined) {
    this.kid = kid
    this.jwk = { ...this.#pair.publicKey.export({ format: 'jwk' }), ...(kid && { kid }) }
  }

  sign(data: string): Buffer {
    return sign(null, Buffer.from(data), this.#pair.privateKey)
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
let made = 0

/** Makes a Logout Token. Without a key, its signature is wrong. */
function makeToken(iss: string, kid: string | undefined, key?: Key): string {
  const iat = Math.floor(Date.now() / 1000)
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const claims = { iss, aud: clientId, iat, exp: iat + 120, jti: `jti-${(made += 1)}`, sub: 'alice', events }
  const signed = `${encode({ alg: 'EdDSA', kid })}.${encode(claims)}`
  return `${signed}.${key ? key.sign(signed).toString('base64url') : 'AAAA'}`
}

/** A request to a provider. `keys` or `uri` is set when a right answer has arrived. */
interface Sent {
  path: string
  at: number
  endedAt: number
  keys?: readonly Key[]
  uri?: string
}

/** An endpoint that needs at most this time, in milliseconds, is quick. */
const quick = 300

class Endpoint {
  mood: Mood = 'works'
  latency = 5
  /** The old keys, if the provider has moved its keys to another URL. */
  oldKeys: readonly Key[] | undefined
  /** Since this time, the endpoint gives right answers quickly. */
  goodSince = -Infinity

  set(mood: Mood, latency: number): void {
    Object.assign(this, { mood, latency })
    this.goodSince = mood === 'works' && latency <= quick ? Math.min(this.goodSince, now()) : Infinity
  }
}

class Provider {
  readonly discovery = new Endpoint()
  readonly urls = [new Endpoint(), new Endpoint(), new Endpoint()]
  current = 0
  movedAt = -Infinity
  /** All published keys, the newest last. */
  live: Key[] = []
  /** Keys that sign tokens, but are not published yet. */
  late: Key[] = []
  withdrawn: Key[] = []
  readonly sent: Sent[] = []
  /** Some key of the provider has verified a token. */
  isProven = false
  /** The time when the application first checked a session. */
  inUseSince = Infinity
  /** The tokens that were not accepted: their `kid`, and their time. */
  readonly lost: { kid: string | undefined; start: number; end: number }[] = []
  /** The keys of the tokens of this moment. A forged token has no key. */
  #moment = { at: -Infinity, keys: new Set<Key | undefined>() }
  /** The level of a bucket. Each request adds one. */
  #level = 0
  #levelAt = -Infinity
  #wasOldAt = -Infinity

  readonly issuer: string
  readonly isDiscovered: boolean
  constructor(issuer: string, isDiscovered: boolean) {
    this.issuer = issuer
    this.isDiscovered = isDiscovered
    this.publish(new Key('kid-0'))
  }

  /** Notes a token. Tells whether a token of another key has arrived at the same moment. */
  hasOther(key?: Key): boolean {
    if (this.#moment.at < now()) this.#moment = { at: now(), keys: new Set() }
    return this.#moment.keys.add(key).size > 1
  }

  get registration(): TrustedIssuer {
    const { issuer, isDiscovered } = this
    return {
      issuer,
      clientId,
      algorithms: ['EdDSA'],
      ...(!isDiscovered && { keys: new URL(`${issuer}/jwks-0`) }),
    }
  }

  publish(key: Key): void {
    key.publishedAt = now()
    this.live = [...this.live, key]
    // A token without `kid` is tried with at most eight keys (RP-54c).
    if (this.live.length > 6) this.withdraw(this.live[0])
  }

  withdraw(key: Key | undefined): void {
    if (!key) return
    key.withdrawnAt = now()
    this.live = this.live.filter((one) => one !== key)
    this.withdrawn = [key, ...this.withdrawn].slice(0, 5)
  }

  move(to: number): void {
    if (!this.isDiscovered || to === this.current) return
    this.urls[this.current]!.oldKeys = this.live
    this.current = to
    this.movedAt = now()
    this.urls[to]!.oldKeys = undefined
    this.urls[to]!.set('works', 5)
  }

  /** Since this time, the provider has answered quickly and rightly. */
  get goodSince(): number {
    return Math.max(this.urls[this.current]!.goodSince, this.isDiscovered ? this.discovery.goodSince : -Infinity)
  }

  /** The JWK Set that the library has at a time: the right answer to the latest request. */
  known(at = now()): Sent | undefined {
    let latest: Sent | undefined
    for (const one of this.sent)
      if (
        one.keys &&
        one.endedAt <= at &&
        (!latest || one.at > latest.at || (one.at === latest.at && one.endedAt >= latest.endedAt))
      )
        latest = one
    return latest
  }

  /** All JWK Sets that the library had in a period. */
  knownBetween(start: number, end: number): (Sent | undefined)[] {
    const changes = this.sent.filter(({ keys, endedAt }) => keys && endedAt > start && endedAt <= end)
    return [this.known(start), ...changes.map(({ endedAt }) => this.known(endedAt))]
  }

  /** The time when the library last read the discovery document, and then the keys. */
  get refreshedAt(): number {
    const loads = this.sent.filter(({ keys, endedAt }) => keys && endedAt <= now())
    if (!this.isDiscovered) return this.known()?.at ?? -Infinity
    const isFollowed = ({ uri, endedAt }: Sent) => !!uri && loads.some(({ at }) => at === endedAt)
    return this.sent.findLast(isFollowed)?.at ?? -Infinity
  }

  /** The time of the last refresh, if the provider has not moved its keys. Then the library uses the keys for 24 hours. */
  get goodAt(): number {
    return this.refreshedAt - (this.movedAt > now() - 90_000 ? 700 : 1)
  }

  /** Adds a request to the bucket. Returns the level, and the largest level that SECURITY.md allows. */
  count(): [level: number, limit: number] {
    const time = now()
    if (this.goodAt <= time - 600) this.#wasOldAt = time
    // Three requests every 15 seconds, and two every 31 seconds for the refresh of a stale set.
    const perSecond = 3 / 15 + 2 / 31
    this.#level = Math.max(0, this.#level - (time - this.#levelAt) * perSecond) + 1
    this.#levelAt = time
    // Six at once. Two more for keys that were never loaded, and for the reserved refresh of a stale set.
    return [this.#level, this.#wasOldAt > time - 60 ? 8.001 : 6.001]
  }

  async fetch(path: string, signal: AbortSignal): Promise<Response> {
    const isDiscovery = path.endsWith('openid-configuration')
    const endpoint = isDiscovery ? this.discovery : this.urls[Number(path.at(-1))]!
    const { mood, latency } = endpoint
    const one: Sent = { path, at: now(), endedAt: Infinity }
    this.sent.push(one)
    const keys = endpoint.oldKeys ?? this.live
    const uri = `${this.issuer}/jwks-${this.current}`
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      if (mood !== 'hangs') setTimeout(resolve, latency)
    })
    one.endedAt = now()
    if (mood === 'drops') throw new TypeError('fetch failed')
    if (mood === 'garbage') return new Response('<html>')
    if (mood === 'status404' || mood === 'status500') return new Response(null, { status: Number(mood.slice(6)) })
    if (mood === 'empty') return Response.json(isDiscovery ? {} : { keys: [] })
    if (isDiscovery) {
      one.uri = uri
      return Response.json({ issuer: this.issuer, jwks_uri: uri })
    }
    one.keys = keys
    return Response.json({ keys: keys.map(({ jwk }) => jwk) })
  }
}

/** The JWK Set has this key, under a `kid` of the token. */
const has = (set: Sent | undefined, key: Key, kid: string | undefined): boolean =>
  !!set?.keys!.includes(key) && (kid === undefined || key.kid === kid)

const upTo = (max: number) => fc.integer({ min: 1, max })
const attack = (weight: number, count: number, rounds: number) => ({
  weight,
  arbitrary: fc.record({ count: upTo(count), rounds: upTo(rounds), pause: fc.oneof(upTo(1000), upTo(8000)) }),
})

/** The kinds of actions. A kind that is listed more often happens more often. */
const kinds =
  'pass pass pass pass pass works works fails fails rotate rotate replace anonymous late publishLate withdraw withdraw move back ' +
  'token token token token token newest newest lateToken withdrawn withdrawn flood flood flood mixed strangers warm session'
/** Several actions for one provider. Without these stories, random actions rarely reach some promises. */
const stories = [
  'token flood rotate wait17 newest wait17 newest',
  'token mixed move rotate wait32 newest newest',
  'token wait62 rotate newest',
  'token wait62 replace newest withdrawn',
  'token fails wait620 withdraw token wait5 works wait40 withdrawn',
  'token mixed fails wait620 token withdraw works wait70 withdrawn',
  'token wait620 mixed withdraw withdrawn newest',
  'token late lateToken wait31 publishLate wait1 newest wait31 newest',
  'token fails wait86390 token wait20 token works wait20 token',
  'token move wait62 rotate newest wait620 newest withdrawn',
  'session strangers wait6 newest wait2 newest',
  'token rotate newest move withdraw wait300 forgeKnown wait310 withdrawn',
  'token wait62 slow forgeUnknown wait0 rotate newest',
  'token wait62 slow forgeUnknown wait0 replace newest',
  'token wait62 slow forgeUnknown wait5 forgeUnknown wait0 rotate newest',
  'token wait62 slow forgeUnknown wait5 forgeUnknown wait0 replace newest',
  'token wait601 slow forgeUnknown wait1 forgeUnknown wait0 rotate withdraw newest wait2 withdrawn newest',
]

/** An action uses only some of these members. */
const action = fc.record({
  kind: fc.constantFrom(...kinds.split(' '), ...stories),
  milliseconds: fc.oneof(
    upTo(300),
    upTo(3000),
    upTo(40_000),
    upTo(90_000),
    fc.integer({ min: 570_000, max: 660_000 }),
    upTo(90_000_000),
  ),
  index: fc.constantFrom(0, 0, 0, 1),
  mood: fc.constantFrom<Mood[]>('status404', 'status500', 'garbage', 'empty', 'drops', 'hangs', 'hangs', 'works'),
  latency: fc.oneof(upTo(quick), upTo(3000)),
  fails: fc.constantFrom('all', 'all', 'discovery', 'keys', 'old'),
  back: fc.nat(4),
  withoutKid: fc.constantFrom(false, false, true),
  count: fc.constantFrom(1, 1, 1, 2, 5),
  forgery: fc.constantFrom('unknown', 'unknown', 'known', 'next', 'none'),
  attack: fc.oneof(attack(4, 12, 1), attack(1, 120, 1), attack(4, 5, 20)),
})
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** Makes the actions of a story. */
function tell(act: Action): Action[] {
  const kinds = act.kind.split(' ')
  if (kinds.length === 1) return [act]
  return kinds.map((kind) => {
    const wait = /^wait(\d+)$/.exec(kind)
    if (wait) return { ...act, kind: 'pass', milliseconds: Number(wait[1]) * 1000 + 150 }
    const forgery = { forgeKnown: 'known' as const, forgeUnknown: 'unknown' as const }[kind]
    if (forgery) return { ...act, kind: 'flood', forgery, attack: { count: 1, rounds: 1, pause: 1 } }
    if (kind === 'slow') return { ...act, kind: 'fails', fails: 'all', mood: 'works' as const, latency: 290 }
    return { ...act, kind, withoutKid: false, back: 0 }
  })
}

/** How often each promise was checked. */
const checked: Record<string, number> = {}

class World {
  readonly faults: string[] = []
  readonly #providers = [new Provider('https://op-0.example', true), new Provider('https://op-1.example', false)]
  readonly #hasList: boolean
  readonly #logout: BackchannelLogout
  #madeKeys = 0
  /** The number of calls of the library that have not ended. */
  #pending = 0
  #errors = 0
  #errorsAt = -Infinity
  #strangers = 0
  #strangersAt = -Infinity

  constructor(hasList: boolean) {
    this.#hasList = hasList
    this.#logout = createBackchannelLogout({
      issuers: hasList ? this.#providers.map(({ registration }) => registration) : (iss) => this.#findIssuer(iss),
      sessionMaxAge: 86_400,
      store: new MemoryStore(),
      fetch: ((url: string, { signal }: RequestInit) => this.#fetch(url, signal!)) as typeof fetch,
      onError: (error) => this.#noteError(error),
    })
  }

  /** Checks a promise, if it applies. */
  #promise(promise: string, applies: boolean, isKept: boolean, says: string): void {
    if (applies) checked[promise] = (checked[promise] ?? 0) + 1
    if (applies && !isKept) this.faults.push(`${promise} At ${now()}: ${says}`)
  }

  /** The issuer function. */
  #findIssuer(iss: string): TrustedIssuer {
    const known = this.#providers.find(({ issuer }) => issuer === iss)
    return known?.registration ?? { issuer: iss, clientId, algorithms: ['EdDSA'] }
  }

  #fetch(url: string, signal: AbortSignal): Promise<Response> {
    const provider = this.#providers.find(({ issuer }) => url.startsWith(issuer))
    if (!provider) return this.#fetchStranger(url, signal)
    const [level, limit] = provider.count()
    this.#promise('RP-52a: the requests are limited.', true, level <= limit, `level ${level} at ${url}, limit ${limit}`)
    return provider.fetch(url, signal)
  }

  /** The provider of a stranger does not answer, or answers with an error. */
  async #fetchStranger(url: string, signal: AbortSignal): Promise<Response> {
    this.#strangers = Math.max(0, this.#strangers - (now() - this.#strangersAt) * 5) + 1
    this.#strangersAt = now()
    this.#promise('RP-11f: fetches for strangers.', true, this.#strangers <= 8.001, `${this.#strangers} at ${url}`)
    if (Number(url.match(/\d+/)![0]) % 2) return new Response(null, { status: 500 })
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
  }

  /** One failed refresh every 31 seconds for each issuer, and one failed fetch for each listed issuer at the first use. */
  #noteError(error: unknown): void {
    const { code } = error as { code?: string }
    this.#errors = Math.max(0, this.#errors - (now() - this.#errorsAt) * (2 / 31)) + 1
    this.#errorsAt = now()
    this.#promise('RP-51: few errors reach onError.', true, this.#errors <= 4.001, `${this.#errors} errors`)
    this.#promise('RP-51: errors have a code.', true, code === 'ERR_LOGOUT_KEYS_UNAVAILABLE', String(error))
  }

  /** Runs a call of the library. The call must end in time. */
  async #run(says: string, limit: number, work: () => Promise<unknown>): Promise<Code> {
    const start = now()
    this.#pending += 1
    const result = await work().then(
      () => 'ok' as const,
      (error: { code: Code }) => error.code ?? String(error),
    )
    this.#pending -= 1
    const seconds = now() - start
    this.#promise('RP-51: nothing takes too long.', true, seconds <= limit + 0.0011, `${says} took ${seconds} s`)
    const isExpected = /^(ok|ERR_LOGOUT_KEYS_UNAVAILABLE|ERR_LOGOUT_TOKEN_SIGNATURE)$/.test(result)
    this.#promise('RP-51: nothing throws another error.', true, isExpected, `${says}: ${result}`)
    return result
  }

  async #forge(act: Action): Promise<void> {
    const {
      kind,
      index,
      attack: { count, rounds, pause },
    } = act
    const provider = this.#providers[index]!
    for (let sent = 0; sent < rounds * count; sent += 1) {
      if (sent > 0 && sent % count === 0) await sleep(pause)
      const forgeries = ['unknown', 'known', 'next', 'none']
      const forgery = kind === 'mixed' ? forgeries[sent % 4]! : act.forgery
      const kids: Record<string, string | undefined> = {
        unknown: `unknown-${made}`,
        known: provider.live.at(-1 - (sent % 3))?.kid,
        next: `kid-${this.#madeKeys + 1}`,
        none: undefined,
      }
      const iss = kind === 'strangers' ? `https://stranger-${made}.example` : provider.issuer
      void this.#receiveForged(provider, makeToken(iss, kids[forgery]), kids[forgery])
    }
  }

  async #receiveForged(provider: Provider, jwt: string, kid: string | undefined): Promise<void> {
    const start = now()
    const says = `forged token ${kid}, sent at ${start}`
    provider.hasOther()
    // A token that is still being handled also counts, because the fetch that it waits for can lack the `kid`.
    const lost = { kid, start, end: Infinity }
    provider.lost.push(lost)
    const result = await this.#run(says, 1.5, () => this.#logout.receive(jwt))
    lost.end = now()
    this.#promise('RP-10: no forged token is accepted.', true, result !== 'ok', jwt)
  }

  async #receive(provider: Provider, key: Key, withoutKid: boolean): Promise<void> {
    const start = now()
    const kid = withoutKid ? undefined : key.kid
    const { isProven, inUseSince, current } = provider
    const before = provider.known()
    const url = `${provider.issuer}/jwks-${current}`
    const isFresh = provider.goodAt > start - 600 && provider.movedAt < start - 1300
    const isYoung = provider.goodAt > start - 86_400
    /** If an issuer is neither proven nor in use, its keys can be evicted. Its fetches can wait for fetches of other issuers. */
    const isSafe = this.#hasList || isProven
    const isSteady = isSafe || (inUseSince < start - 5 && !before)
    const asks = (seconds: number) => provider.sent.filter(({ at }) => at > start - seconds).length
    const hasOther = provider.hasOther(key)
    const wasLost = (seconds: number) => provider.lost.some((one) => one.kid === kid && one.end > start - seconds)
    const isHeldBack = wasLost(32)
    const fitsIn = (keys: readonly Key[] = []) => keys.some((one) => kid === undefined || one.kid === kid)
    const fits = fitsIn(before?.keys)
    const fitsOld = fits || provider.urls.some(({ oldKeys }) => fitsIn(oldKeys))
    const isMoved = before && before.path !== url
    const isGuessed = provider.lost.some((one) => one.kid === kid && one.start < key.publishedAt + 2)
    // Each fetch has at least one request. A moved key also needs a permit for discovery.
    const hasPermit = !hasOther && (asks(15.1) === 0 || (!isMoved && asks(62) < 4))
    // The first fetch can have read the discovery just before the move.
    const isSettled = provider.movedAt < start - 6 || !!before
    // Another key under this `kid` was loaded a short time ago, perhaps after a bad signature.
    const isReplaced = provider.sent.some(({ at, keys }) => at > start - 16 && fitsIn(keys) && !keys!.includes(key))
    // After a bad signature, the metadata are read again if they are older than 30 seconds.
    const wasRead = provider.sent.some(({ uri, at }) => uri && at > start - 31)
    const isReread = !isMoved || !fitsOld || !wasRead
    const wait = isMoved ? 47 : isGuessed ? 32 : 17
    const says = `token of ${provider.issuer} with ${kid}, sent at ${start}`
    const result = await this.#run(says, 1.5, () => this.#logout.receive(makeToken(provider.issuer, kid, key)))
    const end = now()
    const isAccepted = result === 'ok'
    if (isAccepted) provider.isProven = true
    else provider.lost.push({ kid, start, end })
    const outcome = `${says}, ended with ${result} at ${end}`
    const sets = provider.knownBetween(start, end)
    const after = provider.known()
    const isKnown = sets.some((set) => has(set, key, kid))
    this.#promise('RP-51a: only keys of the last JWK Set are used.', isAccepted, isKnown, outcome)
    this.#promise('RP-53: old keys are used for 24 hours.', isAccepted, (after?.at ?? 0) >= start - 86_400, outcome)
    const isWithdrawn = Math.max(key.withdrawnAt + 600, provider.goodSince + 36, provider.movedAt + 36) < start
    this.#promise('RP-51a: a withdrawn key is refused.', isWithdrawn, !isAccepted, outcome)

    const isGood = sets.every((set) => has(set, key, kid)) && isYoung
    this.#promise('RP-53: a known key is accepted.', isSafe && isGood, isAccepted, outcome)
    this.#promise('RP-51a: a known key waits for one second.', isSafe && isGood, end - start <= 1.0011, outcome)
    this.#promise('RP-51a: a fresh key waits for nothing.', isSafe && isGood && isFresh, end === start, outcome)
    // If the old set has the `kid`, only a set that was requested after the token arrived counts.
    const fitted = sets.some((set) => fitsIn(set?.keys) && !has(set, key, kid))
    const isLoaded = has(after, key, kid) && after!.endedAt < end && isYoung && !(fitted && after!.at < start)
    this.#promise('RP-53a: a key that has arrived is accepted.', isSafe && isLoaded, isAccepted, outcome)

    const isPublished = key.publishedAt <= start && key.withdrawnAt > end && provider.current === current
    // A fetch can have begun at the moment of the token, and yet before the key was published. In real time, no two moments are equal.
    const isTooEarly = provider.sent.some(({ at, keys }) => at === start && keys && !keys.includes(key))
    const since = Math.max(key.publishedAt, provider.goodSince + 5)
    const isFound =
      isPublished &&
      hasPermit &&
      isSettled &&
      !isHeldBack &&
      !isReplaced &&
      !isTooEarly &&
      isReread &&
      provider.goodSince <= start - 5.1
    this.#promise('RP-53a: a new key is found.', isSteady && isFound, isAccepted, outcome)
    const isDue = isPublished && Math.max(since, provider.movedAt) <= start - wait
    const isStale = isPublished && Math.max(key.publishedAt, provider.goodSince, provider.movedAt) <= start - 660
    this.#promise('RP-52: forged tokens delay a new key by 15 s.', isSafe && isDue && wait < 20, isAccepted, outcome)
    this.#promise('RP-52: or by 45 s.', isSafe && isDue && wait > 20, isAccepted, outcome)
    this.#promise('RP-54: a moved key is found.', isSafe && isStale, isAccepted, outcome)

    const asked = Math.max(...provider.sent.filter(({ keys, endedAt }) => keys && endedAt <= end).map(({ at }) => at))
    const isAnswered = asked >= start || (fits && asked >= start - 17)
    this.#promise('RP-52g: no answer is an outage.', result === 'ERR_LOGOUT_TOKEN_SIGNATURE', !!isAnswered, outcome)
  }

  async #warm(): Promise<void> {
    const start = now()
    const providers = this.#hasList ? this.#providers : []
    const areRecent = providers.every(({ goodAt }) => goodAt > start - 43_200)
    const areQuiet = providers.every(({ sent }) => !sent.some(({ at }) => at > start - 15.1))
    const result = await this.#run(`warm at ${start}`, 5, () => this.#logout.warm())
    const areGood = providers.every(({ goodSince, movedAt }) => Math.max(goodSince + 5.1, movedAt) < start)
    this.#promise(
      'RP-51: warm does nothing if the keys were fetched in the last 12 hours.',
      areRecent,
      result === 'ok' && now() === start,
      result,
    )
    this.#promise('RP-51: warm fetches the keys.', areGood && areQuiet, result === 'ok', result)
  }

  async #checkSession(provider: Provider): Promise<void> {
    const session = { iss: provider.issuer, sub: 'bob', clientId, iat: Math.floor(Date.now() / 1000) }
    await this.#run(`session at ${now()}`, 0, () => this.#logout.isLoggedOut(session))
    provider.inUseSince = Math.min(provider.inUseSince, now())
  }

  #newKey(): Key {
    return new Key(`kid-${(this.#madeKeys += 1)}`)
  }

  #setMood(provider: Provider, { fails, mood, latency }: Action): void {
    const { discovery, urls, current } = provider
    const old = urls.filter((_, index) => index !== current)
    const endpoints = { all: [discovery, ...urls], discovery: [discovery], keys: [urls[current]!], old }[fails]!
    for (const endpoint of endpoints) endpoint.set(mood, latency)
  }

  #changeKeys(provider: Provider, { kind, back }: Action): void {
    const newest = provider.live.at(-1)
    if (kind === 'rotate') {
      provider.publish(this.#newKey())
      if (provider.live.length > 4) provider.withdraw(provider.live[0])
    } else if (kind === 'anonymous') provider.publish(new Key(undefined))
    else if (kind === 'replace') {
      provider.withdraw(newest)
      provider.publish(new Key(newest?.kid ?? 'kid-0'))
    } else if (kind === 'late') provider.late.push(this.#newKey())
    else if (kind === 'publishLate') for (const key of provider.late.splice(0)) provider.publish(key)
    else if (kind === 'withdraw' && provider.live.length > 1)
      provider.withdraw(provider.live.at(-1 - (back % provider.live.length)))
  }

  #do(act: Action): Promise<void> | void {
    const { kind, index, back, count, withoutKid } = act
    const provider = this.#providers[index]!
    const { live, late, withdrawn } = provider
    if (kind === 'pass') return pass(act.milliseconds)
    if (kind === 'warm') return void this.#warm()
    if (kind === 'session') return void this.#checkSession(provider)
    const choices: Record<string, Key | undefined> = {
      token: live.at(-1 - (back % live.length)),
      newest: live.at(-1),
      lateToken: late[0],
      withdrawn: withdrawn[back % Math.max(1, withdrawn.length)],
    }
    if (kind in choices) {
      const key = choices[kind]
      for (let sent = 0; key && sent < count; sent += 1) void this.#receive(provider, key, withoutKid)
    } else if (kind === 'works') this.#setMood(provider, { ...act, fails: 'all', mood: 'works', latency: 5 + back })
    else if (kind === 'fails') this.#setMood(provider, act)
    else if (kind === 'move') provider.move((provider.current + 1) % 3)
    else if (kind === 'back') provider.move((provider.current + 2) % 3)
    else if (/^(flood|mixed)$/.test(kind) || (kind === 'strangers' && !this.#hasList)) void this.#forge(act)
    else this.#changeKeys(provider, act)
  }

  async play(actions: readonly Action[]): Promise<readonly string[]> {
    const onUnhandled = (error: unknown) => this.faults.push(`RP-51: unhandled rejection ${String(error)}`)
    process.on('unhandledRejection', onUnhandled)
    for (const act of actions) if (!this.faults[0]) await this.#do(act)
    await pass(200_000)
    process.off('unhandledRejection', onUnhandled)
    this.#promise('RP-51: nothing hangs.', true, this.#pending === 0, `${this.#pending} calls`)
    // The clock goes on, because all receivers of a process share some limits.
    await this.#logout.close()
    return this.faults
  }
}

const timeout = isFull ? 3_600_000 : 120_000

test('RP-50 to RP-54: random attacks, failures and changes of keys break no promise', { timeout }, async () => {
  const actions = fc.noBias(
    fc.array(action, { minLength: 1, maxLength: 40, size: 'max' }).map((chosen) => chosen.flatMap(tell)),
  )
  await fc.assert(
    fc.asyncProperty(fc.boolean(), actions, async (hasList, chosen) => {
      expect(await new World(hasList).play(chosen)).toEqual([])
    }),
    // Shrinking takes longer than a run, and rarely helps.
    { endOnFailure: true, ...(isFull ? { numRuns: 5000 } : { numRuns: 120, seed: 3 }) },
  )
  // The random actions reach each promise.
  expect(Object.entries(checked).filter(([, times]) => times < 20)).toEqual([])
  expect(Object.keys(checked).length).toBe(22)
})
