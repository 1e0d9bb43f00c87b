import { createBackchannelLogout, type BackchannelLogout, type LogoutStore, type SessionClaims } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createClock } from './support.js'

/*
 * Two instances share a store. A sign-in, a refresh and two deliveries run at the same time. Between two calls of the store,
 * other work may continue, an instance may crash, or a token may be sent again. The model tries every order of these steps. It
 * does so for tokens before, at and after the date of the session. It checks the guarantees in every state.
 */

const clock = createClock()
const secret = 'a-secret-of-thirty-two-characters'
const op = await createTestIssuer({ now: clock.now })
const trusted = { issuer: op.issuer, clientId: op.clientId, algorithms: ['HS256'], clientSecret: secret }

/**
 * Lets Web Crypto run once for each list of arguments. Later calls get the same result. Each run of the model verifies the same few
 * tokens again, so this saves most of the time.
 */
function rememberResults(name: 'importKey' | 'verify'): void {
  const call = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<never>
  const keys = new Map<unknown, number>()
  const results = new Map<string, Promise<never>>()
  const textOf = (value: unknown): string => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString('base64url')
    if (!(value instanceof CryptoKey)) return JSON.stringify(value)
    if (!keys.has(value)) keys.set(value, keys.size)
    return `key ${keys.get(value)}`
  }
  vi.spyOn(crypto.subtle, name).mockImplementation((...args: unknown[]) => {
    const key = args.map(textOf).join()
    const result = results.get(key) ?? call(...args)
    results.set(key, result)
    return result
  })
}

type Instance = 'A' | 'B'
const instances = ['A', 'B'] as const
const other = { A: 'B', B: 'A' } as const

interface Token {
  jti: string
  iat: number
  sub: string
  sid?: string
  /** The Logout Token. If it is missing, the application calls `endSession` or `endAllSessions`. */
  jwt?: string
}

async function mint(jti: string, iat: number, sid?: string): Promise<Token> {
  const claims = { jti, iat, sub: 'alice', ...(sid && { sid }) }
  const whole = JSON.parse(
    Buffer.from((await op.logoutToken({ sid: undefined, ...claims })).split('.')[1]!, 'base64url').toString(),
  ) as object
  return { ...claims, jwt: await op.sign(whole, { alg: 'HS256' }, new TextEncoder().encode(secret)) }
}

/** Tells whether a logout covers a session. Implements BCL 2.7, RP-30 and RP-32 independently of the library. */
function concerns(token: Token, session: SessionClaims): boolean {
  if (token.iat < session.iat) return false
  if (!token.jwt && token.sid && !session.sid) return false
  if (token.sid === undefined) return session.sub === token.sub
  return session.sid ? session.sid === token.sid : session.sub === token.sub
}

/** A call of the store that has not happened yet. */
interface Call {
  says: string
  happen(): void
}

/** A sign-in or a delivery that runs on an instance. */
interface Process {
  name: string
  on: Instance
  token: Token | undefined
  calls: Call[]
  /** The finished calls, with their results. */
  past: string[]
  end?: string
}

interface Universe {
  session: SessionClaims
  tokens: readonly Token[]
  /** How often each token is sent. The second copy goes to the other instance. */
  sent: readonly number[]
  refreshes: boolean
}

/** One run of the model. It uses the real library, with a store whose calls wait until the model continues them. */
class World {
  readonly entries = new Map<string, Set<string>>()
  readonly sessions = new Set<string>()
  readonly processes: Process[] = []
  /** The `jti` of each logout that a listener got. */
  readonly told = new Set<string>()
  readonly answered = new Set<Token>()
  readonly attempted = new Set<Token>()
  readonly starts = [0, 0]
  logins = 0
  crashes = 0
  refreshed: 'not' | 'begun' | 'done' = 'not'
  created = false
  resaved = false
  readonly live: Record<Instance, BackchannelLogout>
  /** The process that runs now. Only one process runs at a time, and it runs until it waits for the store. */
  #current: Process | undefined
  readonly #universe: Universe

  constructor(universe: Universe) {
    this.#universe = universe
    this.live = { A: this.#boot(), B: this.#boot() }
  }

  #boot(): BackchannelLogout {
    const logout = createBackchannelLogout({
      issuers: [trusted],
      sessionMaxAge: 3600,
      store: this.#store(),
      storeTimeout: 1e6,
      now: clock.now,
      destroySession: (id) => this.sessions.delete(id),
    })
    logout.onLogout(({ jti = 'application' }) => this.told.add(jti))
    return logout
  }

  #store(): LogoutStore {
    const call = <T>(says: string, work: () => T): Promise<T> => {
      const process = this.#current
      if (!process) return Promise.resolve(work())
      return new Promise((resolve) => {
        const entry: Call = {
          says,
          happen: () => {
            process.calls.splice(process.calls.indexOf(entry), 1)
            const result = work()
            process.past.push(`${says}: ${JSON.stringify(result)}`)
            resolve(result)
          },
        }
        process.calls.push(entry)
      })
    }
    return {
      add: (key, value) =>
        call(`add ${key} ${value}`, () => {
          this.entries.set(key, (this.entries.get(key) ?? new Set()).add(value))
        }),
      values: (keys) =>
        call(`values ${keys.join(' ')}`, () => keys.map((key) => [...(this.entries.get(key) ?? [])].sort())),
      remove: (key, value) => call(`remove ${key} ${value}`, () => void this.entries.get(key)?.delete(value)),
    }
  }

  /** Lets a process run until it waits for the store or ends. This takes only microtasks. */
  async #run(process: Process, go: () => void): Promise<void> {
    this.#current = process
    go()
    await new Promise((resolve) => setImmediate(resolve))
    this.#current = undefined
  }

  /**
   * Begins a process, and lets it run to its first call of the store. A process that joins a running delivery of the same token
   * makes no calls.
   */
  async #begin(name: string, on: Instance, work: () => Promise<string>, token?: Token): Promise<void> {
    const isUnderWay = (one: Process): boolean => one.on === on && one.token === token && one.end === undefined
    const joins = token !== undefined && this.processes.some(isUnderWay)
    const process: Process = { name, on, token, calls: [], past: [] }
    this.processes.push(process)
    await this.#run(process, () => {
      work().then(
        (end) => (process.end ??= end),
        (error: unknown) => (process.end ??= String(error)),
      )
    })
    while (!joins && process.calls.length === 0 && process.end === undefined) await this.#run(process, () => {})
  }

  /** The possible next steps, by name. */
  next(): Map<string, () => Promise<void> | void> {
    const { session, tokens, sent, refreshes } = this.#universe
    const actions = new Map<string, () => Promise<void> | void>()
    const isBusy = (name: string): boolean => this.processes.some((one) => one.name === name && one.end === undefined)
    if (this.logins === 0) {
      actions.set('login', () => {
        this.logins += 1
        return this.#begin('login', 'B', async () => {
          const isNew = await this.live.B.trackSession(session, 'session')
          if (isNew) {
            this.sessions.add('session')
            this.created = true
          }
          return isNew ? 'created' : 'refused'
        })
      })
    }
    for (const [index, token] of tokens.entries()) {
      const started = this.starts[index]!
      if (started === sent[index] || isBusy(`deliver ${index}`)) continue
      const first = instances[index]!
      actions.set(`deliver ${index}`, () => {
        this.starts[index]! += 1
        this.attempted.add(token)
        const on = started === 0 ? first : other[first]
        const deliver = async (): Promise<string> => {
          if (!token.jwt) {
            const { iat, sub, sid } = token
            const { iss } = session
            const origin = { key: 'one' }
            if (sid) await this.live[on].endSession({ iss, iat, sub, sid }, origin)
            else await this.live[on].endAllSessions({ iss, sub, before: iat }, origin)
            this.answered.add(token)
            return '200'
          }
          const contentType = 'application/x-www-form-urlencoded'
          const body = `logout_token=${token.jwt}`
          const { status } = await this.live[on].respond({ method: 'POST', contentType, body })
          if (status === 200) this.answered.add(token)
          return String(status)
        }
        return this.#begin(`deliver ${index}`, on, deliver, token)
      })
    }
    if (refreshes && this.refreshed === 'not' && this.sessions.has('session'))
      actions.set('refresh begins', () => void (this.refreshed = 'begun'))
    if (this.refreshed === 'begun') {
      actions.set('refresh ends', () => {
        this.refreshed = 'done'
        this.resaved = true
        this.sessions.add('session')
      })
    }
    for (const [at, process] of this.processes.entries()) {
      // Calls that are waiting at the same time can happen in any order. Calls of the same kind keep their order, except the
      // calls that add markers.
      const kind = ({ says }: Call): string => says.split(',', 2).join()
      const isFirst = (call: Call): boolean => process.calls.find((one) => kind(one) === kind(call)) === call
      const calls = process.calls.filter((call) => isFirst(call) || call.says.startsWith('add [1,"logout"'))
      for (const { says, happen } of calls)
        actions.set(`${process.name} ${at} ${says}`, () => this.#run(process, happen))
    }
    for (const instance of instances) {
      if (this.crashes > 0 || !this.processes.some(({ on, end }) => on === instance && end === undefined)) continue
      actions.set(`crash ${instance}`, () => {
        this.crashes += 1
        for (const process of this.processes) {
          if (process.on !== instance || process.end !== undefined) continue
          process.end = 'crashed'
          process.calls.length = 0
        }
        this.live[instance] = this.#boot()
      })
    }
    return actions
  }

  /** Everything that later steps can depend on. */
  fingerprint(): string {
    const entries = [...this.entries].map(([key, values]) => [key, [...values].sort()]).filter(([, v]) => v!.length > 0)
    const processes = this.processes.map(({ name, on, past, calls, end }) =>
      end === undefined ? [name, on, past, calls.map(({ says }) => says)] : [name, end],
    )
    return JSON.stringify([
      entries.sort(),
      processes.map((one) => JSON.stringify(one)).sort(),
      [...this.sessions],
      [...this.told].sort(),
      [...this.answered].map(({ jti }) => jti).sort(),
      this.starts,
      this.crashes,
      this.refreshed,
      this.created,
    ])
  }

  /** Returns the broken guarantee of this state, if any. */
  async fault(): Promise<string | undefined> {
    const { session } = this.#universe
    const ended = [...this.answered].some((token) => concerns(token, session))
    const mayEnd = [...this.attempted].some((token) => concerns(token, session))
    for (const instance of instances) {
      const isOver = await this.live[instance].isLoggedOut(session)
      if (ended && !isOver) return `alive on ${instance}, though a logout was answered 200`
      if (isOver && !mayEnd) return `dead on ${instance}, though no logout concerns it`
      if (await this.live[instance].isLoggedOut({ ...session, sub: 'bob', sid: 'another' }))
        return `somebody else's session is dead on ${instance}`
    }
    if ([...this.answered].some(({ jti }) => !this.told.has(jti))) return 'answered 200, and no listener was told'
    const ends = this.processes.map(({ name, end }) => `${name} ${end}`)
    if (ends.includes('login refused') && !mayEnd) return 'a sign-in was refused, though no logout concerns it'
    const strange = ends.find((end) => end.startsWith('deliver') && !/(?:200|crashed|undefined)$/.test(end))
    if (strange) return `${strange}, though nothing failed`
    const isStill = this.processes.every(({ end }) => end !== undefined)
    if (isStill && ended && this.sessions.has('session') && !this.resaved) return 'a tracked session was not destroyed'
    return undefined
  }
}

interface Explored {
  states: number
  crashes: number
  /** The results of all processes. */
  ends: Set<string>
  faults: string[]
}

/** Visits all states, depth first. To go back to a state, it starts a new run and repeats the steps to that state. */
async function explore(universe: Universe): Promise<Explored> {
  const seen = new Set<string>()
  const explored: Explored = { states: 0, crashes: 0, ends: new Set(), faults: [] }

  const take = async (world: World, action: string): Promise<void> => {
    await world.next().get(action)!()
  }
  const again = async (path: readonly string[]): Promise<World> => {
    const world = new World(universe)
    for (const action of path) await take(world, action)
    return world
  }
  const visit = async (world: World, path: readonly string[]): Promise<void> => {
    const fingerprint = world.fingerprint()
    if (seen.has(fingerprint) || explored.faults.length > 0) return
    seen.add(fingerprint)
    explored.states += 1
    explored.crashes += world.crashes
    for (const { end } of world.processes) if (end) explored.ends.add(end)
    const fault = await world.fault()
    if (fault) explored.faults.push([fault, ...path].join('\n  '))
    let here: World | undefined = world
    for (const action of world.next().keys()) {
      if (explored.faults.length > 0) return
      const from: World = here ?? (await again(path))
      here = undefined
      await take(from, action)
      await visit(from, [...path, action])
    }
  }
  await visit(new World(universe), [])
  return explored
}

const iat = clock.time - 100
/**
 * The long form is for nightly runs. In the short form, each token goes once to each instance. Its date is before the session's
 * date, or equal to it if the token names only the subject.
 */
const isFull = process.env['BCL_MODEL'] === 'full'
const dated = { before: -1, with: 0, ...(isFull && { after: 1 }) }
const universes: [name: string, make: () => Promise<Universe>][] = []
for (const sid of ['session-1', undefined]) {
  for (const [when, apart] of Object.entries(dated)) {
    for (const meant of ['session-1', undefined]) {
      if (!isFull && meant && apart === 0) continue
      const session = op.session({ sid, iat })
      const logout = `a logout ${meant ? 'of the sid' : 'of the subject'} dated ${when} it`
      const name = `a session ${sid ? 'with' : 'without'} sid, ${logout}`
      const one = mint('one', iat + apart, meant)
      const two = mint('two', iat + apart - 1)
      const twice = { session, sent: [isFull ? 2 : 1, 1], refreshes: false }
      universes.push([`${name}, to both instances`, async () => ({ ...twice, tokens: [await one, await one] })])
      if (!isFull) continue
      const amid = { session, sent: [1, 1], refreshes: true }
      universes.push([`${name}, and another amid a refresh`, async () => ({ ...amid, tokens: [await one, await two] })])
    }
  }
}
for (const sid of ['session-1', undefined]) {
  for (const meant of ['session-1', undefined]) {
    const wish = { jti: 'application', iat, sub: 'alice', ...(meant && { sid: meant }) }
    const name = `a session ${sid ? 'with' : 'without'} sid, ${meant ? 'endSession' : 'endAllSessions'}`
    const universe = { session: op.session({ sid, iat }), sent: [1, 1], refreshes: false, tokens: [wish, wish] }
    universes.push([`${name}, on both instances`, async () => universe])
  }
}
/** Each case must have more states than this number. */
const least = 300

beforeAll(() => {
  // The time-outs of waiting calls must not fire. So timers do nothing. Fake timers would keep each run of the model in memory.
  vi.stubGlobal('setTimeout', () => undefined)
  vi.stubGlobal('clearTimeout', () => undefined)
  rememberResults('importKey')
  rememberResults('verify')
})
afterAll(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('RP-32, RP-35: a session is logged out exactly if a logout with answer 200 covers it', () => {
  test.each(universes)(
    '%s',
    async (_, make) => {
      const { states, crashes, ends, faults } = await explore(await make())
      expect(faults).toEqual([])
      expect(states).toBeGreaterThan(least)
      expect(crashes).toBeGreaterThan(least / 4)
      expect([...ends]).toContain('200')
    },
    isFull ? 3_600_000 : 300_000,
  )
})
