import { createBackchannelLogout, MemoryStore, type TrustedIssuer } from '@bcl/core'
import * as fc from 'fast-check'
import { generateKeyPair } from 'jose'
import { AsyncLocalStorage } from 'node:async_hooks'
import { KeyObject, sign } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { now, pass, sleep, startFakeClock } from './fake-clock.js'

/*
 * A model of the issuer function. A random run has attacks, failures of the function, and changes of clients and keys.
 * A fake clock lets minutes pass. The model knows what exists, and since when. From this alone, it decides which calls
 * of the library must succeed (RP-11). It does not know how the library decides.
 */

const names = [0, 1, 2, 3, 4].map((index) => `https://tenant-${index}.example`)
/** The clients `web` and `admin` exist from the start. */
const clients = ['web', 'admin', 'late']
/** All clients trust the audience `api`, which is no client. */
const audiences = [...clients, 'api']
/** How the function behaves for a tenant. If it forgets, it returns no clients. */
type Mood = 'works' | 'fails' | 'hangs' | 'forgets'

/** The two keys that a tenant can have. */
const pairs = await Promise.all([0, 1].map(() => generateKeyPair('EdDSA', { extractable: true })))
const signingKeys = pairs.map(({ privateKey }) => KeyObject.from(privateKey as never))
const keyFunctions = pairs.map((pair) => async () => pair.publicKey)

const isFull = process.env['BCL_MODEL'] === 'full'
startFakeClock()

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
let made = 0

/** Makes a Logout Token. Without a key, its signature is wrong. */
function makeToken(iss: string, aud: readonly string[], key?: KeyObject): string {
  const iat = Math.floor(Date.now() / 1000)
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const claims = { iss, aud, iat, exp: iat + 120, jti: `jti-${(made += 1)}`, sub: 'alice', events }
  const signed = `${encode({ alg: 'EdDSA' })}.${encode(claims)}`
  return `${signed}.${key ? sign(null, Buffer.from(signed), key).toString('base64url') : 'AAAA'}`
}

/** The kinds of actions. A kind that is listed more often happens more often. */
const kinds =
  'pass pass pass pass pass function function client client token token token token captured strangers unknown signature ' +
  'audiences check check check endSession endAllSessions'
/** Several actions for one tenant and one client. Without these stories, random actions rarely reach some promises. */
const stories = [
  'remove wait62 token wait0 addWithKey wait2 token check',
  'remove wait62 token wait0 add wait16 unknown token check check check check check check',
  `remove wait62 token wait2 add wait2${' token'.repeat(13)}`,
  'remove wait62 slow check wait0 add quick endAll wait2 check token',
]
/** How a run can begin: a check is the first action for a tenant. So these stories need a tenant that is not in use. */
const beginnings = [
  'pass',
  'strangersHang slow checkAll wait0 quick signature wait2 flood add wait2 tokenForOne',
  'strangersHang signature wait2 checkAll flood add wait2 tokenForOne',
]
const upTo = (max: number) => fc.integer({ min: 1, max })
const attack = (weight: number, count: number, rounds: number) => ({
  weight,
  arbitrary: fc.record({ count: upTo(count), rounds: upTo(rounds), pause: upTo(1000) }),
})

/** An action uses only some of these members. */
const action = fc.record({
  kind: fc.constantFrom(...kinds.split(' '), ...stories),
  milliseconds: fc.oneof(upTo(300), upTo(10_000), upTo(90_000), fc.integer({ min: 60_000, max: 130_000 })),
  iss: fc.constantFrom(names[0]!, names[0]!, names[0]!, ...names),
  aud: fc.subarray(audiences, { minLength: 1 }),
  client: fc.constantFrom(undefined, ...clients, 'late'),
  exists: fc.boolean(),
  changesKey: fc.boolean(),
  moody: fc.subarray(['strangers', ...names], { minLength: 1 }),
  mood: fc.constantFrom<Mood[]>('works', 'works', 'works', 'works', 'fails', 'hangs', 'forgets'),
  latency: fc.integer({ min: 0, max: 150 }),
  back: fc.oneof(fc.constant(0), fc.nat(6)),
  attack: fc.oneof(attack(4, 12, 1), attack(1, 200, 1), attack(3, 4, 20)),
})
type Action = typeof action extends fc.Arbitrary<infer A> ? A : never

/** A value, and the time of its last change. */
class Dated<T> {
  value: T
  #changedAt = -Infinity
  constructor(value: T) {
    this.value = value
  }
  set(value: T): void {
    if (value !== this.value) this.#changedAt = now()
    this.value = value
  }
  /** Tells whether this is the value, and has been the value since a time. */
  is(value: T, since: number): boolean {
    return this.value === value && this.#changedAt < since
  }
}

/** What the model knows about one tenant. All strangers together are one more tenant. */
class Tenant {
  readonly mood = new Dated<Mood>('works')
  readonly key = new Dated(0)
  readonly clients: ReadonlyMap<string, Dated<boolean>>
  inUseSince = Infinity
  /** The answer in the cache of the library: the answer of the call that began last. It is not sure if the answer was late. */
  cached = { ids: [] as readonly string[], key: 0, askedAt: -Infinity, isSure: true }
  /** The time when the last answer arrived. */
  answeredAt = -Infinity
  /** The times of the last two tokens. */
  #tokens: readonly [number, number] = [-Infinity, -Infinity]

  constructor(existing: readonly string[]) {
    this.clients = new Map(audiences.map((id) => [id, new Dated(existing.includes(id))]))
  }

  use(): void {
    this.inUseSince = Math.min(this.inUseSince, now())
  }

  /** Notes a token. Returns the time of the second token before it. */
  noteToken(): number {
    const [last, older] = this.#tokens
    this.#tokens = [now(), last]
    return older
  }

  /** Starts a call of the library. The functions are for the end of the call. Then they tell what was true all the time. */
  start() {
    const start = now()
    const { ids, key, askedAt, isSure } = this.cached
    const exists = (id: string, seconds: number) => this.clients.get(id)!.is(true, start - seconds)
    return {
      start,
      inUse: this.inUseSince < Infinity,
      /** The function has worked for so many seconds before the call. */
      works: (seconds: number) => this.mood.is('works', start - seconds),
      exists,
      hasKey: (index: number, seconds: number) => this.key.is(index, start - seconds),
      /** The library uses an answer for at most two minutes (RP-11c). The model allows ten more seconds. */
      isGone: (id: string, seconds = 130) => this.clients.get(id)!.is(false, start - seconds),
      /** The library can use the cached answer. It has this client. */
      knows: (id: string) => isSure && askedAt > start - 119 && ids.includes(id) && exists(id, 0),
      knowsKey: (index: number) => key === index && this.key.is(index, start),
      /** The library has no answer with this client. */
      isNew: (id: string) => askedAt < start - 121 || (isSure && !ids.includes(id)),
    }
  }
}

/**
 * The cause of a call of the function. A genuine token has one audience. A verified token has several audiences. Its calls have
 * no limit, because the library makes some of them after the signature is verified.
 */
type Cause = 'forged token' | 'genuine token' | 'verified token' | 'session'
type Call = { iss: string; cause: Cause; at: number; fails: boolean; isOver: boolean }

/** How often each promise was checked. */
const checked: Record<string, number> = {}

class World {
  readonly faults: string[] = []
  readonly #causes = new AsyncLocalStorage<{ cause: Cause; start: number }>()
  readonly #strangers = new Tenant([])
  readonly #tenants = new Map(names.map((iss) => [iss, new Tenant(['web', 'admin'])]))
  #latency = 5
  /** The calls of the function in the last minute. */
  #calls: Call[] = []
  /** Each function sends a genuine token again. The newest is first. */
  readonly #captured: (() => void)[] = []
  /** The number of calls of the library that have not ended. */
  #pending = 0
  readonly #startedAt = Math.floor(Date.now() / 1000)
  readonly #logout = createBackchannelLogout({
    issuers: (iss) => this.#askFunction(iss),
    sessionMaxAge: 86_400,
    store: new MemoryStore(),
  })

  /** Checks a promise, if it applies. */
  #promise(promise: string, applies: boolean, isKept: boolean, says: string): void {
    if (applies) checked[promise] = (checked[promise] ?? 0) + 1
    if (applies && !isKept) this.faults.push(`${promise} At ${now()}: ${says}`)
  }

  /** The issuer function. */
  async #askFunction(iss: string): Promise<readonly TrustedIssuer[]> {
    const tenant = this.#tenants.get(iss) ?? this.#strangers
    const mood = tenant.mood.value
    const key = tenant.key.value
    const ids = mood === 'works' ? clients.filter((id) => tenant.clients.get(id)!.value) : []
    const fails = mood === 'fails' || mood === 'hangs'
    const { cause, start } = this.#causes.getStore()!
    const call = { iss, cause, at: now(), fails, isOver: false }
    this.#calls = [...this.#calls.filter(({ at }) => at > now() - 60), call]
    if (cause !== 'session') this.#checkCalls(iss)
    await sleep(this.#latency)
    if (mood === 'hangs') return new Promise(() => {})
    call.isOver = true
    if (mood === 'fails') throw new Error('database down')
    // Two answers for a tenant never arrive at the same moment. So the model knows their order.
    while (this.#tenants.has(iss) && tenant.answeredAt === now()) await sleep(1)
    tenant.answeredAt = now()
    // The library does not use an answer that comes after five seconds. But it can wait twice.
    const isSure = now() - start < 4.99
    if (call.at >= tenant.cached.askedAt) tenant.cached = { ids, key, askedAt: call.at, isSure }
    return ids.map((clientId) => {
      const trustedAudiences = audiences.filter((id) => id !== clientId)
      return { issuer: iss, clientId, algorithms: ['EdDSA'], keys: keyFunctions[key], trustedAudiences }
    })
  }

  /** Checks the limits of the calls that tokens cause, when a call starts. */
  #checkCalls(called: string): void {
    const tenant = this.#tenants.get(called)
    // The library gives up a call after 1.5 seconds.
    const isRunning = ({ cause, at, isOver }: Call) => !isOver && at > now() - 1.499 && /forged|genuine/.test(cause)
    const running = this.#calls.filter(isRunning).length
    this.#promise('RP-11j: ten calls at once.', true, running <= 10, `${running} calls`)
    this.#promise('RP-11j: seven calls for strangers.', !tenant, running <= 7, `${running} calls`)
    const forged = this.#calls.filter(
      ({ iss, cause }) => cause === 'forged token' && (tenant ? iss === called : !this.#tenants.has(iss)),
    )
    // Four calls for unknown clients, four more after 15, 30, 45 and 60 seconds, and one refresh.
    const good = forged.filter(({ fails }) => !fails).length
    this.#promise('RP-11d: nine calls a minute.', !!tenant, good <= 9, `${good} calls for ${called}`)
    // Ten calls, and then one a second. All issuers that are not in use share one limit.
    const failed = forged.filter(({ fails, at }) => fails && at > now() - 10).length
    const hasOneLimit = !tenant || tenant.inUseSince <= now() - 10
    this.#promise('RP-11i: 20 failures in 10 s.', hasOneLimit, failed <= 20, `${failed} failures for ${called}`)
  }

  /** Runs a call of the library. The call must end in time. */
  async #run<T>(says: string, cause: Cause, work: () => Promise<T>): Promise<T | Error> {
    const start = now()
    // A token can wait twice for five seconds, because the library can look for its clients twice. A logout by the application
    // can wait for a call that began earlier, and then for its own call.
    const limit = cause !== 'session' ? 10.001 : says.startsWith('end') ? 3.001 : 1.501
    this.#pending += 1
    const result = await this.#causes.run({ cause, start }, work).catch((error: Error) => error)
    this.#pending -= 1
    this.#promise('RP-11: nothing hangs.', true, now() - start <= limit, `${says} took ${now() - start} s`)
    return result
  }

  async #forge({ kind, iss: target, aud, attack: { count, rounds, pause } }: Action): Promise<void> {
    for (let sent = 0; sent < rounds * count; sent += 1) {
      if (sent > 0 && sent % count === 0) await sleep(pause)
      const iss = kind === 'strangers' ? `https://stranger-${made}.example` : target
      const unknown = `unknown-${made}`
      const named = { unknown: [unknown], audiences: [...aud, unknown] }[kind] ?? aud
      const jwt = makeToken(iss, named)
      this.#tenants.get(iss)?.noteToken()
      void this.#run(`forged token ${made}`, 'forged token', () => this.#logout.receive(jwt)).then((result) =>
        this.#promise('RP-10: no forged token is accepted.', true, result instanceof Error, jwt),
      )
    }
  }

  async #receive({ iss, aud }: Action, key: number, jwt: string, isCaptured: boolean): Promise<void> {
    const tenant = this.#tenants.get(iss)!
    const { start, inUse, works, exists, hasKey, isGone, knows, knowsKey, isNew } = tenant.start()
    const hasPermits = tenant.noteToken() < start - 61
    const says = `token of ${iss} for ${aud.join()}, sent at ${start}`
    const cause = aud.length === 1 ? 'genuine token' : 'verified token'
    const result = await this.#run(says, cause, () => this.#logout.receive(jwt))
    const accepted = result instanceof Error ? [] : result.clientIds
    if (accepted[0]) tenant.use()
    const isRefused = !accepted.some((id) => isGone(id)) && !hasKey(1 - key, 130)
    this.#promise('RP-11c: removed clients and keys are refused.', !!accepted[0], isRefused, says)
    if (isCaptured) return
    for (const id of aud) {
      const promise = (name: string, applies: boolean): void =>
        this.#promise(name, applies, accepted.includes(id), `${says}, was lost for ${id}: ${accepted} ${result}`)
      promise('RP-11d: a cached answer is enough.', knows(id) && knowsKey(key))
      // A forged token can use the permit of a new client. But a new permit comes every 15 seconds.
      const isSteady = works(15) && exists(id, 15) && hasKey(key, 130)
      promise('RP-11k: an issuer in use loses no logout.', inUse && isSteady)
      // One token uses at most two of four permits. So there is a permit after one other token. The keys can also be new.
      const isFound = works(15) && exists(id, 2) && hasKey(key, 2) && isNew(id)
      promise('RP-11d: a new client is found.', inUse && hasPermits && isFound)
      const isVerified = !!accepted[0] && works(2) && exists(id, 2) && hasKey(key, 2)
      promise('RP-11d: a verified token ends all its clients.', isVerified)
    }
  }

  async #check({ iss, client }: Action): Promise<void> {
    const ids = client ? [client] : clients
    const tenant = this.#tenants.get(iss)!
    const { start, works, exists, isGone, knows } = tenant.start()
    const says = `check of a session of ${iss} for ${client}, begun at ${start}`
    const session = { iss, sub: 'alice', clientId: client, iat: this.#startedAt }
    const result = await this.#run(says, 'session', () => this.#logout.isLoggedOut(session))
    const isAnswered = !(result instanceof Error)
    if (isAnswered) tenant.use()
    const isFound = works(15) && ids.some((id) => exists(id, 15))
    this.#promise('RP-11d: a check is answered.', isFound, isAnswered, says)
    this.#promise('RP-11d: a cached answer is enough for a check.', ids.some(knows), isAnswered, says)
    this.#promise('RP-11e: a check waits for no token.', works(2), now() - start <= 0.2, says)
    this.#promise('RP-11e: a cached answer is used at once.', ids.some(knows), now() === start, says)
    this.#promise(
      'RP-11c: removed clients have no sessions.',
      ids.every((id) => isGone(id)),
      !isAnswered,
      says,
    )
  }

  async #end({ kind, iss, client: clientId }: Action): Promise<void> {
    const ids = clientId ? [clientId] : clients
    const tenant = this.#tenants.get(iss)!
    const { start, works, exists, isGone, knows } = tenant.start()
    const says = `${kind} of ${iss} for ${clientId}, begun at ${start}`
    const subject = { iss, sub: 'alice', clientId }
    const result = await this.#run(says, 'session', () =>
      kind === 'endSession'
        ? this.#logout.endSession({ ...subject, iat: this.#startedAt })
        : this.#logout.endAllSessions(subject),
    )
    const ended = result instanceof Error ? [] : result.clientIds
    if (ended[0]) tenant.use()
    this.#promise('RP-11c: no logout for removed clients.', true, !ended.some((id) => isGone(id)), says)
    const isForAll = !clientId && works(2)
    for (const id of ids) {
      const isKept = ended.includes(id)
      this.#promise('RP-11d: the application ends sessions.', works(15) && exists(id, 15), isKept, says)
      this.#promise('RP-11d: a cached answer is enough to end sessions.', knows(id), isKept, says)
      this.#promise('RP-11d: a logout for all finds new clients.', isForAll && exists(id, 2), isKept, says)
    }
  }

  async #playStory(act: Action): Promise<void> {
    const { client = 'late', aud } = act
    const story = { ...act, client, aud: [...new Set([...aud, client])] }
    const steps: Record<string, Partial<Action>> = {
      add: { kind: 'client', exists: true, changesKey: false },
      addWithKey: { kind: 'client', exists: true, changesKey: true },
      remove: { kind: 'client', exists: false },
      checkAll: { kind: 'check', client: undefined },
      endAll: { kind: 'endAllSessions', client: undefined },
      tokenForOne: { kind: 'token', aud: [client] },
      slow: { kind: 'function', latency: 150, moody: [] },
      quick: { kind: 'function', latency: 10, moody: [] },
      strangersHang: { kind: 'function', mood: 'hangs', moody: ['strangers'] },
      flood: { kind: 'strangers', attack: { count: 15, rounds: 15, pause: 300 } },
    }
    for (const kind of act.kind.split(' ')) {
      const wait = /^wait(\d+)$/.exec(kind)
      await (wait ? pass(Number(wait[1]) * 1000 + 100) : this.#do({ ...story, kind, ...steps[kind] }))
    }
  }

  #do(act: Action): Promise<void> | void {
    const { kind, iss, aud, client = 'late' } = act
    const { key, clients } = this.#tenants.get(iss)!
    if (kind.includes(' ')) return this.#playStory(act)
    if (kind === 'pass') return pass(act.milliseconds)
    if (kind === 'check') return void this.#check(act)
    if (kind === 'endSession' || kind === 'endAllSessions') return void this.#end(act)
    if (kind === 'function') {
      this.#latency = act.latency
      for (const name of act.moody) (this.#tenants.get(name) ?? this.#strangers).mood.set(act.mood)
    } else if (kind === 'client') {
      clients.get(client)!.set(act.exists)
      if (act.changesKey) key.set(1 - key.value)
    } else if (kind === 'token') {
      const { value } = key
      const jwt = makeToken(iss, aud, signingKeys[value])
      this.#captured.unshift(() => void this.#receive(act, value, jwt, true))
      void this.#receive(act, value, jwt, false)
    } else if (kind === 'captured') {
      for (let sent = 0; sent < act.attack.count; sent += 1)
        this.#captured[(act.back + sent) % this.#captured.length]?.()
    } else void this.#forge(act)
  }

  async play(actions: readonly Action[]): Promise<readonly string[]> {
    for (const act of actions) if (!this.faults[0]) await this.#do(act)
    await pass(60_000)
    this.#promise('RP-11: nothing hangs.', true, this.#pending === 0, `${this.#pending} calls`)
    vi.clearAllTimers()
    return this.faults
  }
}

const timeout = isFull ? 3_600_000 : 120_000

test('RP-11: random attacks, failures and changes break no promise', { timeout }, async () => {
  const others = fc.array(action, { minLength: 1, maxLength: 45, size: 'max' })
  const actions = fc.noBias(
    fc
      .tuple(action, fc.constantFrom(...beginnings), others)
      .map(([first, kind, rest]) => [{ ...first, kind }, ...rest]),
  )
  await fc.assert(
    fc.asyncProperty(actions, async (chosen) => {
      expect(await new World().play(chosen)).toEqual([])
    }),
    isFull ? { numRuns: 5000 } : { numRuns: 200, seed: 3 },
  )
  // The random actions reach each promise.
  expect(Object.entries(checked).filter(([, times]) => times < 20)).toEqual([])
  expect(Object.keys(checked).length).toBe(20)
})
