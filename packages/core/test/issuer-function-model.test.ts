import { createBackchannelLogout, MemoryStore, type LogoutEvent, type TrustedIssuer } from '@bcl/core'
import * as fc from 'fast-check'
import { generateKeyPair } from 'jose'
import { AsyncLocalStorage } from 'node:async_hooks'
import { KeyObject, sign, verify } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

/*
 * A model of the issuer function. It plays random attacks, random failures of the function and random changes of the clients
 * and keys. A fake clock lets minutes pass. The model checks the promises of RP-11 independently of the library: each promise
 * says when a call must succeed, or what must not happen. Two promises have known gaps. Comments mark them.
 */

const tenants = [0, 1, 2].map((index) => `https://tenant-${index}.example`)
const clients = ['web', 'admin', 'late']
/** All clients trust the audience `api`, which is no client. */
const audiences = [...clients, 'api']
/** What the function does for an issuer. If it forgets, it knows no client for a moment. */
type Mood = 'works' | 'fails' | 'hangs' | 'forgets'

/** The two keys of all tenants. A tenant uses one of them. */
const pairs = await Promise.all([0, 1].map(() => generateKeyPair('EdDSA', { extractable: true })))
const signingKeys = pairs.map(({ privateKey }) => KeyObject.from(privateKey as never))
const keyFunctions = pairs.map(
  ({ publicKey }) =>
    async () =>
      publicKey,
)

const isFull = process.env['BCL_MODEL'] === 'full'
const { stackTraceLimit } = Error

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], now: 1_800_000_000_000 })
  // A signature check takes real time. So this check answers without a pause.
  vi.spyOn(crypto.subtle, 'verify').mockImplementation(async (_, key, signature, data) =>
    verify(null, data as Buffer, KeyObject.from(key as never), signature as Buffer),
  )
  // The stacks of expected errors cost a lot of time.
  Error.stackTraceLimit = 0
})
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const now = (): number => performance.now() / 1000
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Lets time pass. All work that a timer starts is done before the next timer fires. */
async function pass(milliseconds: number): Promise<void> {
  let isOver = false
  setTimeout(() => (isOver = true), milliseconds)
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    if (isOver) return
    vi.advanceTimersToNextTimer()
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
let made = 0

/** Makes a Logout Token. Without a key, the signature is wrong. */
function makeToken(iss: string, aud: readonly string[], sub: string, key?: KeyObject): string {
  const iat = Math.floor(Date.now() / 1000)
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const claims = { iss, aud, iat, exp: iat + 120, jti: `jti-${(made += 1)}`, sub, events }
  const signed = `${encode({ alg: 'EdDSA' })}.${encode(claims)}`
  return `${signed}.${key ? sign(null, Buffer.from(signed), key).toString('base64url') : 'AAAA'}`
}

/** What can happen. The more often a name is here, the more often it happens. */
const names =
  'pass pass pass pass pass pass function function function function client client client token token token token token ' +
  'captured strangers unknown signature audiences check check check check check endSession endSession endAllSessions'
const upTo = (max: number) => fc.integer({ min: 1, max })

/** Each action uses only some of these members. */
const action = fc.record({
  kind: fc.constantFrom(...names.split(' ')),
  milliseconds: fc.oneof(upTo(300), upTo(10_000), upTo(90_000), fc.integer({ min: 60_000, max: 130_000 })),
  iss: fc.constantFrom(tenants[0]!, tenants[0]!, ...tenants),
  aud: fc.subarray(audiences, { minLength: 1 }),
  client: fc.constantFrom(undefined, ...clients),
  exists: fc.boolean(),
  changesKey: fc.boolean(),
  moody: fc.subarray(['strangers', ...tenants], { minLength: 1 }),
  mood: fc.constantFrom<Mood[]>('works', 'works', 'works', 'works', 'fails', 'hangs', 'forgets'),
  latency: fc.integer({ min: 0, max: 150 }),
  back: fc.nat(6),
  /** A burst, or a flood of several rounds. */
  attack: fc.oneof(
    { weight: 4, arbitrary: fc.record({ count: upTo(12), rounds: fc.constant(1), pause: fc.constant(0) }) },
    { weight: 1, arbitrary: fc.record({ count: upTo(300), rounds: fc.constant(1), pause: fc.constant(0) }) },
    { weight: 3, arbitrary: fc.record({ count: upTo(4), rounds: upTo(30), pause: upTo(1000) }) },
  ),
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
  /** Tells whether this has been the value since a time. */
  was(value: T, since: number): boolean {
    return this.value === value && this.#changedAt < since
  }
}

/**
 * The cause of a call of the function. A genuine token for one client never makes the library ask for other clients. If it
 * names more audiences, the calls for this verified token are not limited.
 */
type Cause = 'forged token' | 'genuine token' | 'verified token' | 'session'

/** How often each promise was checked. */
const checked: Record<string, number> = {}

class World {
  readonly faults: string[] = []
  readonly #causes = new AsyncLocalStorage<Cause>()
  readonly #moods = new Map(['strangers', ...tenants].map((iss) => [iss, new Dated<Mood>('works')]))
  readonly #clients = new Map(
    tenants.map((iss) => [iss, new Map(audiences.map((id) => [id, new Dated(id === 'web' || id === 'admin')]))]),
  )
  readonly #keys = new Map(tenants.map((iss) => [iss, new Dated(0)]))
  #latency = 5
  /** The calls of the function in the last minute. */
  #calls: { iss: string; cause: Cause; at: number; fails: boolean; isOver: boolean }[] = []
  /** The last answer of the function for each tenant. */
  readonly #answers = new Map<string, { ids: readonly string[]; key: number; at: number }>()
  /** The times of the last two tokens, and of the last two calls for a session. */
  readonly #last = new Map<string, number[]>()
  /** The tenants in use, and since when. */
  readonly #inUse = new Map<string, number>()
  /** Each function sends a genuine token again. The newest is first. */
  readonly #captured: (() => void)[] = []
  #users = 0
  /** Sessions that a logout has ended, and sessions that it may have ended: issuer, user and client. */
  readonly #ended = new Set<string>()
  readonly #mayEnd = new Set<string>()
  /** The calls of the library that have not settled. */
  readonly #pending = new Set<string>()
  readonly #startedAt = Math.floor(Date.now() / 1000)
  readonly #logout = createBackchannelLogout({
    issuers: (iss) => this.#askFunction(iss),
    sessionMaxAge: 86_400,
    store: new MemoryStore(),
  })

  /** Checks one promise in a case to which it applies. */
  #promise(promise: string, applies: boolean, isKept: boolean, says: string): void {
    if (applies) checked[promise] = (checked[promise] ?? 0) + 1
    if (applies && !isKept) this.faults.push(`${promise} At ${now()}: ${says}`)
  }

  async #askFunction(iss: string): Promise<readonly TrustedIssuer[] | undefined> {
    const ofTenant = this.#clients.get(iss)
    const mood = this.#moods.get(ofTenant ? iss : 'strangers')!.value
    const key = this.#keys.get(iss)?.value ?? 0
    const ids = mood === 'works' ? clients.filter((id) => ofTenant?.get(id)!.value) : []
    const fails = mood === 'fails' || mood === 'hangs'
    const call = { iss, cause: this.#causes.getStore()!, at: now(), fails, isOver: false }
    this.#calls = [...this.#calls.filter(({ at }) => at > now() - 60), call]
    if (call.cause !== 'session') this.#checkCalls(iss)
    await sleep(this.#latency)
    if (mood === 'hangs') return new Promise(() => {})
    call.isOver = true
    if (mood === 'fails') throw new Error('database down')
    // Two answers never come at the same moment. So the last one is in the cache.
    while (this.#answers.get(iss)?.at === now()) await sleep(1)
    if (ofTenant) this.#answers.set(iss, { ids, key, at: now() })
    return ids.map((clientId) => {
      const trustedAudiences = audiences.filter((id) => id !== clientId)
      return { issuer: iss, clientId, algorithms: ['EdDSA'], keys: keyFunctions[key], trustedAudiences }
    })
  }

  /** Checks the limits of the calls that tokens cause, when a call starts. */
  #checkCalls(called: string): void {
    const isTenant = tenants.includes(called)
    // The library gives up a call after 1.5 seconds.
    const running = this.#calls.filter(
      ({ cause, at, isOver }) => !isOver && at > now() - 1.499 && /forged|genuine/.test(cause),
    ).length
    this.#promise('RP-11j: ten calls at once.', true, running <= 10, `${running} calls`)
    this.#promise('RP-11j: seven calls for strangers.', !isTenant, running <= 7, `${running} calls`)
    const ofAttack = this.#calls.filter(
      ({ iss, cause }) => cause === 'forged token' && (isTenant ? iss === called : !tenants.includes(iss)),
    )
    // Four calls for unknown clients, four more after 15, 30, 45 and 60 seconds, and one refresh.
    const good = ofAttack.filter(({ fails }) => !fails).length
    this.#promise('RP-11d: nine calls a minute.', isTenant, good <= 9, `${good} calls for ${called}`)
    // Ten calls, and then one a second. All issuers that are not in use share one limit.
    const failed = ofAttack.filter(({ fails, at }) => fails && at > now() - 10).length
    const isSteady = !isTenant || (this.#inUse.get(called) ?? Infinity) <= now() - 10
    this.#promise('RP-11i: 20 failures in 10 s.', isSteady, failed <= 20, `${failed} failures for ${called}`)
  }

  /** Notes the time of a token or of a call for a session. Returns the two times before. */
  #note(iss: string, kind: 'token' | 'session'): [number, number] {
    const [last = -Infinity, older = -Infinity] = this.#last.get(`${kind} ${iss}`) ?? []
    this.#last.set(`${kind} ${iss}`, [now(), last])
    return [last, older]
  }

  /** Notes what is sure when a call of the library starts. */
  #start(iss: string, kind: 'token' | 'session') {
    const start = now()
    const { ids = [], key, at = -Infinity } = this.#answers.get(iss) ?? {}
    const client = (id: string) => this.#clients.get(iss)!.get(id)!
    const exists = (id: string, seconds: number) => client(id).was(true, start - seconds)
    const works = (seconds: number) => this.#moods.get(iss)!.was('works', start - seconds)
    const [last, older] = this.#note(iss, kind)
    return {
      start,
      inUse: this.#inUse.has(iss),
      last,
      quietFor: start - last,
      onlyOneFor: start - older,
      works,
      exists,
      /** RP-11c: the library uses an answer for at most two minutes. The model allows ten more seconds. */
      isGone: (id: string, seconds = 130) => client(id).was(false, start - seconds),
      hasKey: (index: number, seconds: number) => this.#keys.get(iss)!.was(index, start - seconds),
      /** The cached answer has this client. */
      knows: (id: string) => at > start - 119 && at < start && ids.includes(id) && exists(id, 0),
      knowsKey: (index: number) => key === index,
      /** The library has no answer with this client. */
      isNew: (id: string) => at < start - 121 || (at < start && !ids.includes(id)),
      /** The cached answer is fresh, and lacks this client. Then the function is called only if there is a permit. */
      lacks: (id: string) => at > start - 61 && !ids.includes(id),
    }
  }

  /** Runs a call of the library. It must settle in time. */
  async #run<T>(says: string, cause: Cause, work: () => Promise<T>): Promise<T | Error> {
    const start = now()
    const limit = cause === 'session' ? 1.501 : 15
    this.#pending.add(says)
    const result = await this.#causes.run(cause, work).catch((error: Error) => error)
    this.#pending.delete(says)
    this.#promise('RP-11: nothing hangs.', true, now() - start <= limit, `${says} took ${now() - start} s`)
    return result
  }

  async #forge({ kind, iss: tenant, aud, attack }: Action): Promise<void> {
    for (let sent = 0; sent < attack.rounds * attack.count; sent += 1) {
      if (sent > 0 && sent % attack.count === 0) await sleep(attack.pause)
      const iss = kind === 'strangers' ? `https://stranger-${made}.example` : tenant
      const unknown = `unknown-${made}`
      const named = { unknown: [unknown], audiences: [...aud, unknown] }[kind] ?? aud
      const jwt = makeToken(iss, named, 'user-0')
      this.#note(iss, 'token')
      void this.#run(`forged token ${made}`, 'forged token', () => this.#logout.receive(jwt)).then((result) =>
        this.#promise('RP-10: no forged token is accepted.', true, result instanceof Error, jwt),
      )
    }
  }

  async #receive({ iss, aud }: Action, user: string, key: number, jwt: string, isCaptured: boolean): Promise<void> {
    for (const id of aud) this.#mayEnd.add(`${iss} ${user} ${id}`)
    const before = this.#start(iss, 'token')
    const { start, inUse, quietFor, onlyOneFor, works, exists, isGone, hasKey, knows, knowsKey, isNew, lacks } = before
    const says = `token of ${iss} for ${aud.join()}, sent at ${start}`
    const cause = aud.length === 1 ? 'genuine token' : 'verified token'
    const result = await this.#run(says, cause, () => this.#logout.receive(jwt))
    const [latest, second] = this.#last.get(`token ${iss}`)!
    const isAlone = latest === start && second === before.last && quietFor > 5.2 && onlyOneFor > 61
    const accepted = this.#noteEnded(iss, user, result)
    const isRefused = !accepted.some((id) => isGone(id)) && !hasKey(1 - key, 130)
    this.#promise('RP-11c: removed clients and keys are refused.', !!accepted[0], isRefused, says)
    if (isCaptured) return
    for (const id of aud) {
      const isKept = accepted.includes(id)
      const why = `${says}, was lost for ${id}: ${result instanceof Error ? result.message : accepted.join()}`
      // If the cached answer has the client, a failure of the function stops no logout.
      const isCached = knows(id) && knowsKey(key) && hasKey(key, 0)
      this.#promise('RP-11d: a cached answer is enough.', isCached, isKept, why)
      // Known gap: while a call for a client that the cached answer lacks runs, other tokens do not wait for its answer.
      const isSteady = works(15) && exists(id, 130) && hasKey(key, 130) && (quietFor > 5.2 || !lacks(id))
      this.#promise('RP-11k: an issuer in use loses no logout.', inUse && isSteady, isKept, why)
      // A client that the cached answer lacks is found, if other tokens have not used the permits. Its keys may be new.
      const isFirst = works(15) && exists(id, 2) && hasKey(key, 2) && isAlone && isNew(id)
      this.#promise('RP-11d: a new client is found.', inUse && isFirst, isKept, why)
      // The function is asked for each verified token. Known gap: this does not help a client whose keys have changed.
      const isVerified = !!accepted[0] && works(2) && exists(id, 2) && hasKey(key, 2)
      const isComplete = isVerified && (knowsKey(key) || isNew(id))
      this.#promise('RP-11d: a verified token ends all its clients.', isComplete, isKept, why)
    }
  }

  /** Returns the clients of a logout, and notes that their sessions have ended. */
  #noteEnded(iss: string, user: string, result: LogoutEvent | Error): readonly string[] {
    const ids = result instanceof Error ? [] : result.clientIds
    for (const id of ids) this.#ended.add(`${iss} ${user} ${id}`)
    if (ids[0] && !this.#inUse.has(iss)) this.#inUse.set(iss, now())
    return ids
  }

  async #check({ iss, client, back }: Action): Promise<void> {
    const user = `user-${Math.max(0, this.#users - back)}`
    const ids = client ? [client] : clients
    const mustEnd = ids.some((id) => this.#ended.has(`${iss} ${user} ${id}`))
    const { start, quietFor, works, exists, isGone, knows, lacks } = this.#start(iss, 'session')
    const says = `check of ${user} of ${iss} for ${client}, begun at ${start}`
    const session = { iss, sub: user, clientId: client, iat: this.#startedAt }
    const result = await this.#run(says, 'session', () => this.#logout.isLoggedOut(session))
    const isAnswered = !(result instanceof Error)
    if (isAnswered && !this.#inUse.has(iss)) this.#inUse.set(iss, now())
    // The same gap as for tokens: a check does not wait for the call of another check.
    const isFound = (id: string) => works(15) && exists(id, 15) && (quietFor > 0.2 || !lacks(id))
    this.#promise('RP-11d: a check is answered.', ids.some(isFound), isAnswered, says)
    this.#promise('RP-11d: a cached answer is enough for a check.', ids.some(knows), isAnswered, says)
    this.#promise('RP-11e: a check waits for no token.', works(2), now() - start <= 0.2, says)
    this.#promise('RP-11e: a cached answer is used at once.', ids.some(knows), now() === start, says)
    const isGoneForAll = ids.every((id) => isGone(id))
    this.#promise('RP-11c: removed clients have no sessions.', isGoneForAll, !isAnswered, says)
    this.#promise('RP-30: a logged out session has ended.', isAnswered && mustEnd, result === true, says)
    const mayEnd = ids.some((id) => this.#mayEnd.has(`${iss} ${user} ${id}`))
    this.#promise('RP-30: other sessions live.', isAnswered && !mayEnd, result === false, says)
  }

  async #end({ kind, iss, client }: Action): Promise<void> {
    const user = `user-${(this.#users += 1)}`
    const ids = client ? [client] : clients
    for (const id of ids) this.#mayEnd.add(`${iss} ${user} ${id}`)
    const { start, quietFor, works, exists, isGone, knows, lacks } = this.#start(iss, 'session')
    const says = `${kind} of ${iss} for ${client}, begun at ${start}`
    const subject = { iss, sub: user, clientId: client }
    const { endSession, endAllSessions } = this.#logout
    const result = await this.#run(says, 'session', () =>
      kind === 'endSession' ? endSession({ ...subject, iat: this.#startedAt }) : endAllSessions(subject),
    )
    const ended = this.#noteEnded(iss, user, result)
    this.#promise('RP-11c: no logout for removed clients.', true, !ended.some((id) => isGone(id)), says)
    for (const id of ids) {
      const isKept = ended.includes(id)
      const isFound = works(15) && exists(id, 15) && (quietFor > 0.2 || !lacks(id))
      this.#promise('RP-11d: the application ends sessions.', isFound, isKept, says)
      this.#promise('RP-11d: a cached answer is enough to end sessions.', knows(id), isKept, says)
      const isForAll = !client && works(2)
      this.#promise('RP-11d: a logout for all finds new clients.', isForAll && exists(id, 2), isKept, says)
      const isOld = isForAll && isGone(id, 2) && clients.some((other) => exists(other, 2))
      this.#promise('RP-11d: a logout for all has no removed clients.', isOld, !isKept, says)
    }
  }

  #do(act: Action): Promise<void> | void {
    const { kind, iss, aud, client = 'late' } = act
    const key = this.#keys.get(iss)!
    if (kind === 'pass') return pass(act.milliseconds)
    if (kind === 'check') return void this.#check(act)
    if (kind === 'endSession' || kind === 'endAllSessions') return void this.#end(act)
    if (kind === 'function') {
      this.#latency = act.latency
      for (const name of act.moody) this.#moods.get(name)!.set(act.mood)
    } else if (kind === 'client') {
      this.#clients.get(iss)!.get(client)!.set(act.exists)
      if (act.changesKey) key.set(1 - key.value)
    } else if (kind === 'token') {
      const user = `user-${(this.#users += 1)}`
      const { value } = key
      const jwt = makeToken(iss, aud, user, signingKeys[value])
      this.#captured.unshift(() => void this.#receive(act, user, value, jwt, true))
      void this.#receive(act, user, value, jwt, false)
    } else if (kind === 'captured') {
      for (const sendAgain of this.#captured.slice(act.back, act.back + 3)) sendAgain()
    } else void this.#forge(act)
  }

  async play(actions: readonly Action[]): Promise<readonly string[]> {
    for (const act of actions) if (!this.faults[0]) await this.#do(act)
    await pass(60_000)
    this.#promise('RP-11: nothing hangs.', true, this.#pending.size === 0, [...this.#pending].join())
    vi.clearAllTimers()
    return this.faults
  }
}

const timeout = isFull ? 3_600_000 : 120_000

test('RP-11: random attacks, failures and changes break no promise', { timeout }, async () => {
  const actions = fc.noBias(fc.array(action, { minLength: 1, maxLength: 120, size: 'max' }))
  await fc.assert(
    fc.asyncProperty(actions, async (chosen) => {
      expect(await new World().play(chosen)).toEqual([])
    }),
    isFull ? { numRuns: 5000 } : { numRuns: 200, seed: 3 },
  )
  // The random actions reach each promise.
  expect(Object.entries(checked).filter(([, times]) => times < 20)).toEqual([])
  expect(Object.keys(checked).length).toBe(23)
})
