import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { base64url } from 'jose'
import { describe, expect, test, vi } from 'vitest'
import { pooledIssuer } from './support.js'

// Time stands still in this file unless a test lets it pass. So a signature check takes no time on the fake clock.
vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] })

const encode = (value: object): string => base64url.encode(JSON.stringify(value))

/** A token without a real signature. Its issuer and its `kid` are made up. */
const forged = (iss: string, kid = 'made up', aud = 'test-client'): string =>
  [
    encode({ alg: 'RS256', kid }),
    encode({ iss, aud, iat: Date.now() / 1000, exp: Date.now() / 1000 + 120 }),
    'AAAA',
  ].join('.')

/** The calls of Web Crypto in progress. They take real time, also while the fake clock stands still. */
let inProgress = 0
for (const name of ['importKey', 'verify'] as const) {
  const call = crypto.subtle[name].bind(crypto.subtle) as (...args: unknown[]) => Promise<never>
  vi.spyOn(crypto.subtle, name).mockImplementation(async (...args: unknown[]) => {
    inProgress += 1
    try {
      return await call(...args)
    } finally {
      inProgress -= 1
    }
  })
}

/** Waits until nothing more happens without the fake clock. */
async function idle(): Promise<void> {
  do for (let turns = 0; turns < 4; turns += 1) await new Promise((resolve) => setImmediate(resolve))
  while (inProgress > 0)
}

/** Lets `milliseconds` pass in steps of `step` milliseconds, and calls `each` before each step. */
async function pass(milliseconds: number, step: number, each: (time: number) => void = () => {}): Promise<void> {
  for (let time = 0; time < milliseconds; time += step) {
    each(time)
    await idle()
    await vi.advanceTimersByTimeAsync(step)
  }
}

/** Lets time pass until all promises have settled. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  let isDone = false
  const all = Promise.all(promises).finally(() => (isDone = true))
  while (!isDone) await pass(100, 20)
  return all
}

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds))
const count = (outcomes: string[], wanted = 'ok'): number => outcomes.filter((one) => one === wanted).length

describe('RP-11: an issuer function that takes 5 ms and has ten connections', () => {
  test('RP-11e: 5,000 unsigned tokens a second cause at most ten calls at once, and delay no session', async () => {
    let connections = 10
    const queue: (() => void)[] = []
    let most = 0
    let tenantCalls = 0
    const underWay = new Set<string>()
    const issuers = async (iss: string): Promise<TrustedIssuer | undefined> => {
      const isTenant = iss.startsWith('https://tenant')
      if (isTenant) tenantCalls += 1
      else most = Math.max(most, underWay.add(iss).size)
      if (connections === 0) await new Promise<void>((resolve) => queue.push(resolve))
      else connections -= 1
      await sleep(5)
      const next = queue.shift()
      if (next) next()
      else connections += 1
      underWay.delete(iss)
      return isTenant ? { issuer: iss, clientId: 'test-client' } : undefined
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    const answers: Promise<boolean | string>[] = []
    let tokens = 0
    await pass(2400, 1, (time) => {
      for (let times = 0; times < 5; times += 1)
        logout.receive(forged(`https://made-up-${(tokens += 1)}.example`)).catch(() => {})
      const iss = `https://tenant-${(time / 20) % 40}.example`
      if (time % 20 === 0)
        answers.push(logout.isLoggedOut({ iss, sub: 'alice', iat: Math.floor(Date.now() / 1000) - 60 }).catch(String))
    })
    expect(await settled(answers)).toEqual(Array(120).fill(false))
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(10)
    // The answers for the 40 tenants stay in the cache.
    expect(tenantCalls).toBe(40)
    await pass(2000, 100)
  }, 60_000)
})

describe('RP-11: forged tokens and an issuer function that takes 100 ms', () => {
  test('300 invented issuers a second do not block a tenant with a cached answer', async () => {
    const tenants = await Promise.all(
      Array.from({ length: 10 }, (__, index) => pooledIssuer({ issuer: `https://tenant-${index}.example` })),
    )
    const issuers = async (iss: string): Promise<TrustedIssuer | undefined> => {
      await sleep(100)
      return tenants.find(({ issuer }) => issuer === iss)?.trusted
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    const first = Promise.all(tenants.map(async (op) => send(logout, await op.logoutToken())))
    expect(count((await settled([first]))[0]!)).toBe(10)
    await pass(130_000, 10_000)
    const tokens = await Promise.all(tenants.map((op) => op.logoutToken()))
    const genuine: Promise<string>[] = []
    let made = 0
    await pass(3000, 20, (time) => {
      for (let times = 0; times < 6; times += 1) void send(logout, forged(`https://made-up-${(made += 1)}.example`))
      if (time % 300 === 0 && tokens[0]) genuine.push(send(logout, tokens.pop()!))
    })
    expect(count(await settled(genuine))).toBe(10)
    await pass(3000, 100)
  }, 60_000)
})

test('RP-11: while the calls for tokens wait, a check of a session calls the function at once', async () => {
  const op = await pooledIssuer({ issuer: 'https://known.example' })
  const inUse = Array.from({ length: 10 }, (_, index) => `https://tenant-${index}.example`)
  const called: string[] = []
  let isSilent = false
  const issuers = async (issuer: string): Promise<TrustedIssuer | undefined> => {
    called.push(issuer)
    if (isSilent && issuer !== op.issuer) return new Promise(() => {})
    return { issuer, clientId: 'test-client', keys: { keys: [] } }
  }
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  const check = (iss: string) =>
    logout.isLoggedOut({ iss, sub: 'alice', iat: Math.floor(Date.now() / 1000) - 60 }).catch(String)
  expect(await settled(inUse.map(check))).toEqual(Array(10).fill(false))
  await pass(130_000, 10_000)
  isSilent = true
  called.length = 0
  for (let made = 0; made < 100; made += 1) void send(logout, forged(`https://made-up-${made}.example`))
  for (const iss of inUse) void send(logout, forged(iss))
  await idle()
  // All ten places are taken: seven by invented issuers, and three by issuers in use. The other tokens wait.
  expect(called.length).toBe(10)
  let answer: boolean | string | undefined
  void check(op.issuer).then((value) => (answer = value))
  await idle()
  expect([called.length, answer]).toEqual([11, false])
  await pass(20_000, 100)
})

describe('RP-11: an issuer function that fails', () => {
  const failures: [string, (iss: string) => TrustedIssuer | Promise<never>][] = [
    ['rejects', () => Promise.reject(new Error('database down'))],
    ['answers with another issuer', () => ({ issuer: 'https://other.example', clientId: 'test-client' })],
    ['never answers', () => new Promise(() => {})],
  ]

  test.each(failures)(
    'RP-11i: if it %s, tokens with invented issuers call it ten times, then once a second',
    async (_, fail) => {
      const op = await pooledIssuer({ issuer: 'https://known.example' })
      let stranger = 0
      const issuers = (iss: string) => {
        if (iss === op.issuer) return op.trusted
        if (iss.startsWith('https://made-up')) stranger += 1
        return fail(iss)
      }
      const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
      expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
      await pass(130_000, 10_000)
      let made = 0
      await pass(10_000, 50, () => void send(logout, forged(`https://made-up-${(made += 1)}.example`)))
      expect(stranger).toBeGreaterThanOrEqual(10)
      expect(stranger).toBeLessThanOrEqual(21)
      // A tenant that has sent a valid token has a separate limit.
      expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
      await pass(5000, 100)
    },
  )

  test('RP-11i: if it fails after slow answers, tokens with invented issuers still call it ten times, then once a second', async () => {
    let isDown = false
    let failed = 0
    const issuers = async (): Promise<undefined> => {
      await sleep(1000)
      if (!isDown) return
      failed += 1
      throw new Error('database down')
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    let made = 0
    const forge = (): unknown => send(logout, forged(`https://made-up-${(made += 1)}.example`))
    await pass(20_500, 50, forge)
    // Seven calls are in progress. They also fail.
    isDown = true
    await pass(10_000, 50, forge)
    expect(failed).toBeGreaterThanOrEqual(10)
    expect(failed).toBeLessThanOrEqual(20)
    await pass(5000, 100)
  })

  test('RP-11i: tokens of a known issuer cause ten calls, then one a second. Each session causes a call', async () => {
    const op = await pooledIssuer({ issuer: 'https://known.example' })
    let isDown = false
    let calls = 0
    const issuers = async (): Promise<TrustedIssuer> => {
      calls += 1
      if (isDown) throw new Error('database down')
      return op.trusted
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
    await pass(130_000, 10_000)
    isDown = true
    calls = 0
    await pass(10_000, 50, () => void send(logout, forged(op.issuer)))
    expect(calls).toBeGreaterThanOrEqual(10)
    expect(calls).toBeLessThanOrEqual(21)
    calls = 0
    const session = { iss: op.issuer, sub: 'alice', iat: Math.floor(Date.now() / 1000) - 60 }
    for (let times = 0; times < 30; times += 1)
      await expect(logout.isLoggedOut(session)).rejects.toMatchObject({ cause: { message: 'database down' } })
    expect(calls).toBe(30)
  })

  test('RP-11i: when it works again, a waiting token is carried out, although no other token arrives', async () => {
    const op = await pooledIssuer()
    let isDown = false
    const issuers = async (): Promise<TrustedIssuer> => {
      if (isDown) throw new Error('database')
      return op.trusted
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
    await pass(121_000, 1000)
    isDown = true
    for (let times = 0; times < 10; times += 1)
      expect(await send(logout, await op.logoutToken())).toBe('ERR_LOGOUT_FAILED')
    const later = send(logout, await op.logoutToken())
    await pass(500, 20)
    isDown = false
    expect(await settled([later])).toEqual(['ok'])
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('database down'))],
    ['never answers', () => new Promise<never>(() => {})],
  ])('RP-11i: if it %s for ten tenants, forged tokens of these tenants delay no other tenant', async (_, fail) => {
    const op = await pooledIssuer()
    const names = Array.from({ length: 30 }, (__, index) => `https://tenant-${index}.example`)
    const [broken, working] = [names.slice(0, 10), names.slice(10)]
    let isDown = false
    const issuers = async (issuer: string): Promise<TrustedIssuer> => {
      await sleep(20)
      return isDown && broken.includes(issuer) ? fail() : { issuer, clientId: op.clientId, keys: op.jwks }
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    const sendAll = (tenants: string[]) => tenants.map(async (iss) => send(logout, await op.logoutToken({ iss })))
    expect(count(await settled(sendAll(names)))).toBe(30)
    await pass(130_000, 10_000)
    isDown = true
    let made = 0
    const flood = (): void => {
      for (let times = 0; times < 5; times += 1)
        void send(logout, forged(broken[(made += 1) % 10]!, 'made up', `client-${made}`))
    }
    await pass(3000, 20, flood)
    const genuine = sendAll(working)
    await pass(6000, 20, flood)
    expect(count(await settled(genuine))).toBe(20)
    await pass(8000, 100)
  })

  test.each([10, 20, 30])(
    'RP-11i: forged tokens for %i tenants whose calls fail do not stop the logouts of 40 other tenants',
    async (fails) => {
      const op = await pooledIssuer()
      const names = Array.from({ length: fails + 40 }, (_, index) => `https://tenant-${index}.example`)
      const [broken, working] = [names.slice(0, fails), names.slice(fails)]
      let isDown = false
      const issuers = async (issuer: string): Promise<TrustedIssuer> => {
        const isBroken = isDown && broken.includes(issuer)
        await sleep(isDown && !isBroken ? 300 : 5)
        if (isBroken) throw new Error('database down')
        return { issuer, clientId: op.clientId, keys: op.jwks }
      }
      const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
      const sendAll = (tenants: string[]) => tenants.map(async (iss) => send(logout, await op.logoutToken({ iss })))
      for (let index = 0; index < names.length; index += 5)
        expect(count(await settled(sendAll(names.slice(index, index + 5))))).toBe(5)
      await pass(130_000, 10_000)
      isDown = true
      let made = 0
      const flood = (): void => {
        for (const iss of broken) void send(logout, forged(iss, 'made up', `client-${(made += 1)}`))
      }
      await pass(3000, 20, flood)
      const genuine = sendAll(working)
      await pass(6000, 20, flood)
      expect(count(await settled(genuine))).toBe(40)
      await pass(8000, 100)
    },
    60_000,
  )

  test.each([
    ['rejects', () => Promise.reject(new Error('database down'))],
    ['never answers', () => new Promise<never>(() => {})],
  ])(
    'RP-11i: if it %s for 20 tenants in use, forged tokens of these tenants delay no first logout',
    async (_, fail) => {
      const op = await pooledIssuer()
      const names = (kind: string, length: number) => Array.from({ length }, (__, index) => `${kind}-${index}.example`)
      const [broken, working] = [names('broken', 20), names('working', 8)]
      let isDown = false
      const issuers = async (iss: string): Promise<TrustedIssuer> => {
        await sleep(5)
        const name = iss.replace(/^https:..(op|session)-/, '')
        if (isDown && broken.includes(name)) return fail()
        const [issuer, sessionIssuer] = [`https://op-${name}`, `https://session-${name}`]
        return { issuer, sessionIssuer, clientId: op.clientId, keys: op.jwks }
      }
      const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
      // The sessions have another issuer than the tokens. So these checks put the issuers of the tokens in use, without an answer.
      const iat = Math.floor(Date.now() / 1000)
      const sessions = [...broken, ...working].map((name) => op.session({ iss: `https://session-${name}`, iat }))
      await settled(sessions.map((session) => logout.isLoggedOut(session)))
      await pass(130_000, 10_000)
      isDown = true
      let made = 0
      const flood = (): void => void send(logout, forged(`https://op-${broken[(made += 1) % 20]!}`))
      await pass(3000, 20, flood)
      const genuine = working.map(async (name) => send(logout, await op.logoutToken({ iss: `https://op-${name}` })))
      await pass(6000, 20, flood)
      expect(count(await settled(genuine))).toBe(8)
      await pass(8000, 100)
    },
  )

  test('RP-11i: when it works again, no token of a known issuer is lost', async () => {
    const tenants = await Promise.all(
      Array.from({ length: 20 }, (__, index) => pooledIssuer({ issuer: `https://tenant-${index}.example` })),
    )
    let isDown = false
    const issuers = async (iss: string): Promise<TrustedIssuer | undefined> => {
      await sleep(5)
      if (isDown) throw new Error('database down')
      return tenants.find(({ issuer }) => issuer === iss)?.trusted
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    // The forged tokens name the last tenant. Only the other tenants send tokens, because its tokens would share calls with them.
    const sendAll = async () => tenants.slice(0, 19).map(async (op) => send(logout, await op.logoutToken()))
    expect(count(await settled(await sendAll()))).toBe(19)
    expect(count(await settled([send(logout, await tenants[19]!.logoutToken())]))).toBe(1)
    await pass(130_000, 10_000)
    isDown = true
    await pass(10_000, 50, () => void send(logout, forged(tenants[19]!.issuer)))
    isDown = false
    await pass(1100, 100)
    expect(count(await settled(await sendAll()))).toBe(19)
  })
})

describe('RP-11: the waiting calls of an issuer function that never answers', () => {
  const never = () => {
    const started = performance.now()
    const calledAfter: number[] = []
    const issuers = (): Promise<never> => {
      calledAfter.push(performance.now() - started)
      return new Promise(() => {})
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    const outcomes: string[] = []
    const sendForged = (count: number): void => {
      for (let made = 0; made < count; made += 1)
        void send(logout, forged(`https://made-up-${made}-${calledAfter.length}.example`)).then((one) =>
          outcomes.push(one),
        )
    }
    return { logout, calledAfter, outcomes, sendForged }
  }

  test('a longer attack needs no more timers', async () => {
    const before = vi.getTimerCount()
    const { logout } = never()
    let made = 0
    let most = 0
    await pass(12_000, 20, () => {
      for (let times = 0; times < 10; times += 1) void send(logout, forged(`https://${(made += 1)}.example`))
      most = Math.max(most, vi.getTimerCount() - before)
    })
    // 1,000 tokens wait in the queue. Each of them has at most two timers: its time-out, and the wait for a permit.
    expect(most).toBeGreaterThan(1000)
    expect(most).toBeLessThan(2100)
    await pass(8000, 100)
  })

  test('1,000 calls wait. Then each new call pushes out the oldest one', async () => {
    const { outcomes, sendForged } = never()
    sendForged(1007)
    await pass(1, 1)
    expect(outcomes).toEqual([])
    sendForged(2)
    await pass(1, 1)
    expect(outcomes).toEqual(['ERR_LOGOUT_FAILED', 'ERR_LOGOUT_FAILED'])
    await pass(8000, 100)
  })

  test('no call begins after five seconds, because its token has timed out', async () => {
    const { calledAfter, outcomes, sendForged } = never()
    sendForged(60)
    await pass(12_000, 100)
    expect(count(outcomes, 'ERR_LOGOUT_FAILED')).toBe(60)
    expect(calledAfter.length).toBeGreaterThan(10)
    expect(Math.max(...calledAfter)).toBeLessThan(5000)
  })
})

test('RP-11: a valid token is accepted even if forged tokens pushed out the answer for its issuer meanwhile', async () => {
  const op = await pooledIssuer({ issuer: 'https://known.example' })
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  const { promise: key, resolve: release } = Promise.withResolvers<typeof op.key.publicKey>()
  let isDown = false
  const issuers = async (issuer: string): Promise<TrustedIssuer> => {
    if (isDown) throw new Error('database')
    return { issuer, clientId: op.clientId, keys: issuer === op.issuer ? () => key : { keys: [] } }
  }
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  const genuine = send(logout, await op.logoutToken())
  await pass(10, 1)
  await settled(Array.from({ length: 1000 }, (_, index) => send(logout, forged(`https://made-up-${index}.example`))))
  isDown = true
  release(op.key.publicKey)
  expect(await settled([genuine])).toEqual(['ok'])
  await pass(10, 1)
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

describe('RP-11: a function that takes 100 ms and accepts any tenant of a vendor', () => {
  /** The tenants send a valid token each. Counts the calls of the function for these tenants. */
  async function provenTenants() {
    const tenants = await Promise.all(
      Array.from({ length: 10 }, (__, index) => pooledIssuer({ issuer: `https://tenant-${index}.example` })),
    )
    let calls = 0
    const issuers = async (issuer: string): Promise<TrustedIssuer> => {
      if (issuer.startsWith('https://tenant')) calls += 1
      await sleep(100)
      return (
        tenants.find((op) => op.issuer === issuer)?.trusted ?? { issuer, clientId: 'test-client', keys: { keys: [] } }
      )
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    const sendAll = async () => settled(tenants.map(async (op) => send(logout, await op.logoutToken())))
    expect(count(await sendAll())).toBe(10)
    expect(calls).toBe(10)
    return { logout, sendAll, calls: () => calls }
  }

  test('1,100 invented tenants do not push out the answers of tenants that have sent a valid token', async () => {
    const { logout, sendAll, calls } = await provenTenants()
    let made = 0
    await pass(20_000, 15, () => void send(logout, forged(`https://forged-${(made += 1)}.example`)))
    expect(made).toBeGreaterThan(1100)
    expect(count(await sendAll())).toBe(10)
    expect(calls()).toBe(10)
  })

  test('1,100 invented tenants do not push out the answers of tenants that have a session', async () => {
    const { logout, calls } = await provenTenants()
    const check = (tenant: number) =>
      logout.isLoggedOut({
        iss: `https://tenant-${tenant}.example`,
        sub: 'bob',
        iat: Math.floor(Date.now() / 1000) - 60,
      })
    expect(await settled([check(10), check(11)])).toEqual([false, false])
    let made = 0
    await pass(20_000, 15, () => void send(logout, forged(`https://forged-${(made += 1)}.example`)))
    expect(await settled([check(10), check(11)])).toEqual([false, false])
    expect(calls()).toBe(12)
  })

  test('tokens for unknown clients of invented tenants do not delay tenants that have sent a valid token', async () => {
    const { logout, sendAll } = await provenTenants()
    await pass(130_000, 10_000)
    let made = 0
    const flood = (): void => {
      made += 1
      for (let back = 0; back < 300; back += 10)
        void send(logout, forged(`https://forged-${made - back}.example`, `kid-${made}`, 'unknown'))
    }
    await pass(4000, 20, flood)
    const outcomes: string[] = []
    void sendAll().then((all) => outcomes.push(...all))
    await pass(3000, 20, flood)
    expect(count(outcomes)).toBe(10)
    await pass(5000, 100)
  })
})

describe('RP-11j: a function that takes 50 ms and 300 tenants that have sent a valid token', () => {
  test.each([
    ['alone', 0],
    ['with 300 forged tokens a second', 6],
  ])(
    'all 300 logouts at once are carried out: %s',
    async (_, forgedTokens) => {
      const op = await pooledIssuer()
      const names = Array.from({ length: 300 }, (__, index) => `https://tenant-${index}.example`)
      const underWay = new Set<string>()
      let most = 0
      const issuers = async (issuer: string): Promise<TrustedIssuer | undefined> => {
        most = Math.max(most, underWay.add(issuer).size)
        await sleep(50)
        underWay.delete(issuer)
        return names.includes(issuer) ? { issuer, clientId: op.clientId, keys: op.jwks } : undefined
      }
      const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
      const sendAll = async (tenants: readonly string[]): Promise<Promise<string>[]> => {
        const tokens = await Promise.all(tenants.map((iss) => op.logoutToken({ iss })))
        return tokens.map((token) => send(logout, token))
      }
      for (let start = 0; start < 300; start += 20)
        expect(count(await settled(await sendAll(names.slice(start, start + 20))))).toBe(20)
      await pass(130_000, 10_000)
      most = 0
      let made = 0
      const flood = (): void => {
        for (let times = 0; times < forgedTokens; times += 1)
          void send(logout, forged(`https://made-up-${(made += 1)}.example`))
      }
      await pass(1000, 20, flood)
      const genuine = await sendAll(names)
      await pass(8000, 20, flood)
      expect(count(await settled(genuine))).toBe(300)
      expect(most).toBe(10)
    },
    60_000,
  )
})

test('RP-11k: forged tokens for unknown clients do not stop a logout while a session of the same tenant is checked', async () => {
  const op = await pooledIssuer()
  const issuers = async (issuer: string): Promise<TrustedIssuer> => {
    await sleep(100)
    return { issuer, clientId: op.clientId, keys: op.jwks }
  }
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  const check = (iss: string) =>
    logout.isLoggedOut({ iss, sub: 'alice', iat: Math.floor(Date.now() / 1000) }).catch(String)
  const quiet = 'https://quiet.example'
  await settled([Promise.resolve(check(quiet))])
  await pass(130_000, 10_000)
  const names = Array.from({ length: 300 }, (_, index) => `https://tenant-${index}.example`)
  await settled(names.map(async (iss) => check(iss)))
  let made = 0
  const flood = (): void => {
    for (let times = 0; times < 8; times += 1) void send(logout, forged(names[made % 300]!, `kid-${(made += 1)}`, 'x'))
  }
  await pass(1000, 20, flood)
  const token = await op.logoutToken({ iss: quiet })
  void check(quiet)
  await pass(40, 20, flood)
  let outcome: string | undefined
  void send(logout, token).then((code) => (outcome = code))
  await pass(1000, 20, flood)
  expect(outcome).toBe('ok')
  await pass(6000, 100)
}, 60_000)

test('RP-11k: forged tokens for unknown clients of 300 tenants in use do not stop the logouts of these tenants', async () => {
  const op = await pooledIssuer()
  const names = Array.from({ length: 300 }, (_, index) => `https://tenant-${index}.example`)
  const issuers = async (issuer: string): Promise<TrustedIssuer> => {
    await sleep(100)
    return { issuer, clientId: op.clientId, keys: op.jwks }
  }
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  await settled(names.map((iss) => logout.isLoggedOut({ iss, sub: 'alice', iat: op.session().iat })))
  // After two minutes, the answers are too old for tokens.
  await pass(130_000, 10_000)
  const tokens = await Promise.all(names.map((iss) => op.logoutToken({ iss })))
  const genuine: Promise<string>[] = []
  let made = 0
  await pass(4000, 20, (time) => {
    for (let times = 0; times < 6; times += 1) void send(logout, forged(names[made % 300]!, `kid-${(made += 1)}`, 'x'))
    if (time >= 300 && time % 60 === 0 && genuine.length < 60) genuine.push(send(logout, tokens[genuine.length * 5]!))
  })
  expect(count(await settled(genuine))).toBeGreaterThanOrEqual(59)
}, 60_000)

test.each([
  { hanging: 60, invented: 0, outage: false },
  { hanging: 60, invented: 300, outage: false },
  // After an outage, the last call for each tenant has failed.
  { hanging: 20, invented: 0, outage: true },
])(
  'RP-11k: a function that hangs for some tenants stops no logout of other tenants: $hanging tenants, $invented forged tokens a second of made-up issuers, an outage: $outage',
  async ({ hanging, invented, outage }) => {
    const op = await pooledIssuer()
    const names = Array.from({ length: hanging + 30 }, (_, index) => `https://tenant-${index}.example`)
    const healthy = names.slice(hanging)
    let hangs = false
    let isDown = false
    let running = 0
    let most = 0
    const issuers = async (issuer: string): Promise<TrustedIssuer | undefined> => {
      running += 1
      most = Math.max(most, running)
      // The library waits 1.5 seconds for a call that never answers.
      const isHanging = hangs && !healthy.includes(issuer) && names.includes(issuer)
      await sleep(isHanging ? 1400 : 50)
      running -= 1
      if (isHanging) return new Promise(() => {})
      if (isDown) throw new Error('down')
      return names.includes(issuer) ? { issuer, clientId: op.clientId, keys: op.jwks } : undefined
    }
    const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
    for (let start = 0; start < names.length; start += 15) {
      const tokens = await Promise.all(names.slice(start, start + 15).map((iss) => op.logoutToken({ iss })))
      expect(count(await settled(tokens.map((token) => send(logout, token))))).toBe(tokens.length)
    }
    await pass(130_000, 10_000)
    hangs = true
    most = 0
    const tokens = await Promise.all(healthy.map((iss) => op.logoutToken({ iss })))
    const genuine: Promise<string>[] = []
    let made = 0
    const attack = () => {
      for (let times = 0; times < 4; times += 1) void send(logout, forged(names[(made += 1) % hanging]!))
      for (let times = 0; times < invented / 50; times += 1)
        void send(logout, forged(`https://made-up-${(made += 1)}.example`))
    }
    if (outage) {
      await pass(12_000, 20, attack)
      isDown = true
      for (const iss of healthy) void send(logout, forged(iss))
      await pass(3000, 20, attack)
      isDown = false
    }
    await pass(42_000, 20, (time) => {
      attack()
      if (time % 1000 === 0 && tokens[0]) genuine.push(send(logout, tokens.pop()!))
    })
    expect(count(await settled(genuine))).toBe(30)
    expect(most).toBeLessThanOrEqual(10)
  },
  120_000,
)

test('RP-11: one early forged token for each of 300 tenants does not hold up the logouts of these tenants', async () => {
  const op = await pooledIssuer()
  const names = Array.from({ length: 300 }, (_, index) => `https://tenant-${index}.example`)
  const issuers = async (issuer: string): Promise<TrustedIssuer> => {
    await sleep(200)
    return { issuer, clientId: op.clientId, keys: op.jwks }
  }
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  for (const iss of names) void logout.isLoggedOut(op.session({ iss }))
  await pass(130_000, 10_000)
  const tokens = await Promise.all(names.slice(0, 30).map((iss) => op.logoutToken({ iss })))
  for (const iss of names) void send(logout, forged(iss))
  const genuine: Promise<string>[] = []
  await pass(6000, 20, (time) => {
    if (time >= 1600 && time % 100 === 0 && tokens[0]) genuine.push(send(logout, tokens.pop()!))
  })
  expect(count(await settled(genuine))).toBe(30)
})

/** A provider with many tenants. It knows the tenants that `keysOf` returns. Each answer takes 50 ms. */
function vendor(keysOf: (tenant: string) => TestIssuer | undefined, isEachServed: boolean, alg = 'RS256') {
  const requests: string[] = []
  const calls: string[] = []
  const fetch = async (url: string): Promise<Response> => {
    requests.push(url)
    await sleep(50)
    const [, issuer, path] = /^(https:\/\/[^/]+)\/(.*)$/.exec(url)!
    const op = keysOf(issuer!)
    if (!op && !isEachServed) return new Response(null, { status: 404 })
    return path === 'jwks'
      ? Response.json(op?.jwks ?? { keys: [] })
      : Response.json({ issuer, jwks_uri: `${issuer}/jwks` })
  }
  const logout = createBackchannelLogout({
    issuers(issuer) {
      calls.push(issuer)
      return { issuer, clientId: 'test-client', algorithms: [alg] }
    },
    sessionMaxAge: 3600,
    store: new MemoryStore(),
    fetch: fetch as typeof globalThis.fetch,
  })
  return { logout, requests, calls }
}

/** Returns the result of a tenant's token. */
const send = (logout: BackchannelLogout, token: string): Promise<string> =>
  logout.receive(token).then(
    () => 'ok',
    (error: { code: string }) => error.code,
  )

describe('RP-11: the limit of fetches for all issuers whose keys never verified a signature', () => {
  const tokensOf = (op: TestIssuer, count: number, name: string) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => op.logoutToken({ iss: `https://${name}-${index}.example` })),
    )

  test('of thirty tenants at once, eight fetch their keys at once, and a few more after a short wait', async () => {
    const op = await pooledIssuer()
    const { logout, requests } = vendor(() => op, true)
    const tokens = await tokensOf(op, 30, 'tenant')
    await pass(60_000, 10_000)
    const outcomes: string[] = []
    for (const token of tokens) void send(logout, token).then((outcome) => outcomes.push(outcome))
    await pass(1, 1)
    expect(requests.length).toBe(8)
    await pass(1000, 10)
    const asked = requests.length
    expect(count(outcomes)).toBe(asked / 2)
    expect(count(outcomes)).toBeGreaterThan(8)
    // All tokens have timed out. So no fetch begins later.
    await pass(6000, 10)
    expect([outcomes.length, requests.length]).toEqual([30, asked])
  })

  test('does not count for an issuer after its first valid token', async () => {
    const op = await pooledIssuer({ issuer: 'https://known.example' })
    const { logout, requests } = vendor(() => op, true)
    await pass(60_000, 10_000)
    expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
    await pass(60_000, 10_000)
    const others = await tokensOf(op, 20, 'other')
    await op.rotate()
    const token = await op.logoutToken()
    requests.length = 0
    const outcomes = others.map((other) => send(logout, other))
    await pass(1, 1)
    const genuine = send(logout, token)
    await pass(1, 1)
    expect(requests).toContain('https://known.example/jwks')
    expect(await settled([genuine])).toEqual(['ok'])
    await settled(outcomes)
  })
})

test.each([
  [99, 'is kept', 'https://target.example/jwks'],
  [100, 'is pushed out', 'https://target.example/.well-known/openid-configuration'],
])('RP-11: after %i other JWK Sets without a valid token, a JWK Set without a valid token %s', async (...row) => {
  const [others, , firstRequest] = row
  const op = await pooledIssuer({ issuer: 'https://target.example' })
  const { logout, requests } = vendor(() => op, true)
  const forge = async (iss: string): Promise<void> => {
    expect(await settled([send(logout, forged(iss, op.key.kid))])).toEqual(['ERR_LOGOUT_TOKEN_SIGNATURE'])
    await pass(1000, 500)
  }
  await pass(60_000, 10_000)
  await forge(op.issuer)
  for (let index = 0; index < others; index += 1) await forge(`https://made-up-${index}.example`)
  requests.length = 0
  await forge(op.issuer)
  // The first fetch of a JWK Set begins with discovery.
  expect(requests[0]).toBe(firstRequest)
})

test('RP-11: the answers and the JWK Sets of 1,500 tenants in use are kept', async () => {
  // Signing with ES256 is much faster than with RS256, and this test signs many tokens.
  const op = await createTestIssuer({ alg: 'ES256' })
  const { logout, requests, calls } = vendor(() => op, true, 'ES256')
  const tenants = Array.from({ length: 1500 }, (_, index) => `https://tenant-${index}.example`)
  const useAll = async (): Promise<void> => {
    for (const iss of tenants) expect(await logout.isLoggedOut({ ...op.session(), iss })).toBe(false)
    for (let start = 0; start < tenants.length; start += 100) {
      const some = tenants.slice(start, start + 100)
      const tokens = await Promise.all(some.map((iss) => op.logoutToken({ iss, sub: 'bob', sid: 'other' })))
      expect(count(await settled(tokens.map((token) => send(logout, token))))).toBe(100)
    }
  }
  await useAll()
  requests.length = 0
  calls.length = 0
  await useAll()
  expect([requests, calls]).toEqual([[], []])
}, 60_000)

test('RP-11c: the answer of an issuer in use is pushed out by 10,000 other issuers in use', async () => {
  const op = await pooledIssuer({ issuer: 'https://target.example' })
  const { logout, calls } = vendor(() => op, true)
  const check = (iss: string) => logout.isLoggedOut({ ...op.session(), iss })
  const others = Array.from({ length: 10_000 }, (_, index) => `https://tenant-${index}.example`)
  await check(op.issuer)
  for (const iss of others.slice(1)) await check(iss)
  await check(op.issuer)
  expect(calls.length).toBe(10_000)
  for (const iss of others) await check(iss)
  await check(op.issuer)
  expect(calls.filter((iss) => iss === op.issuer).length).toBe(2)
})

test('RP-11: a JWK Set that has verified a signature is pushed out by 10,000 other such JWK Sets', async () => {
  // Signing with ES256 is much faster than with RS256, and this test signs many tokens.
  const op = await createTestIssuer({ alg: 'ES256', issuer: 'https://target.example' })
  const { logout, requests } = vendor(() => op, true, 'ES256')
  const logOut = async (tenants: readonly string[]): Promise<void> => {
    for (const iss of tenants) await logout.isLoggedOut({ ...op.session(), iss })
    const tokens = await Promise.all(tenants.map((iss) => op.logoutToken({ iss, sub: 'bob', sid: 'other' })))
    expect(count(await settled(tokens.map((token) => send(logout, token))))).toBe(tenants.length)
  }
  await logOut([op.issuer])
  for (let start = 0; start < 10_000; start += 100)
    await logOut(Array.from({ length: 100 }, (_, index) => `https://tenant-${start + index}.example`))
  requests.length = 0
  await logOut([op.issuer])
  expect(requests).toEqual(['https://target.example/.well-known/openid-configuration', 'https://target.example/jwks'])
}, 60_000)

test('RP-11f: after a restart, forged tokens do not block the first logouts of tenants that have a session', async () => {
  const tenants = await Promise.all(
    Array.from({ length: 10 }, (__, index) => pooledIssuer({ issuer: `https://tenant-${index}.example` })),
  )
  const { logout } = vendor((issuer) => tenants.find((op) => op.issuer === issuer), false)
  // The first five tenants got a forged token before their session was checked.
  await settled(tenants.slice(0, 5).map((op) => send(logout, forged(op.issuer, 'made up', 'unknown client'))))
  for (const op of tenants) await logout.isLoggedOut(op.session({ iat: Math.floor(Date.now() / 1000) }))
  const tokens = await Promise.all([...tenants, ...tenants].map((op) => op.logoutToken()))
  const genuine: Promise<string>[] = []
  let made = 0
  await pass(8000, 10, (time) => {
    void send(logout, forged(`https://made-up-${(made += 1)}.example`))
    if (time >= 2000 && time % 300 === 0 && tokens[0]) genuine.push(send(logout, tokens.pop()!))
  })
  expect(count(await settled(genuine))).toBe(20)
  await pass(5000, 100)
}, 60_000)

test('RP-11f: the same holds if the sessions have another issuer than the tokens', async () => {
  const op = await pooledIssuer()
  const issuerOf = (index: number): string => `https://op-${index}.example`
  const fetch = async (url: string): Promise<Response> => {
    await sleep(50)
    const { origin, pathname } = new URL(url)
    if (!origin.startsWith('https://op-')) return new Response(null, { status: 404 })
    return Response.json(pathname === '/jwks' ? op.jwks : { issuer: origin, jwks_uri: `${origin}/jwks` })
  }
  const logout = createBackchannelLogout({
    issuers: (iss) =>
      iss.startsWith('https://session-')
        ? { issuer: iss.replace('session', 'op'), sessionIssuer: iss, clientId: op.clientId }
        : { issuer: iss, sessionIssuer: iss.replace('op', 'session'), clientId: op.clientId },
    sessionMaxAge: 3600,
    store: new MemoryStore(),
    fetch: fetch as typeof globalThis.fetch,
  })
  const indexes = Array.from({ length: 10 }, (_, index) => index)
  for (const index of indexes)
    await logout.isLoggedOut(
      op.session({ iss: `https://session-${index}.example`, iat: Math.floor(Date.now() / 1000) }),
    )
  const tokens = await Promise.all(indexes.map((index) => op.logoutToken({ iss: issuerOf(index) })))
  const genuine: Promise<string>[] = []
  let made = 0
  await pass(6000, 20, (time) => {
    void send(logout, forged(`https://made-up-${(made += 1)}.example`))
    if (time >= 2000 && time % 300 === 0 && tokens[0]) genuine.push(send(logout, tokens.pop()!))
  })
  expect(count(await settled(genuine))).toBe(10)
  await pass(5000, 100)
}, 60_000)

test.each([
  ['are older than a day', 90_000_000],
  ['were rotated', 700_000],
])(
  'RP-11f: if the keys that one forged token loaded %s, forged tokens of strangers do not block the first logouts of tenants in use',
  async (state, age) => {
    const op = await pooledIssuer()
    const tenants = Array.from({ length: 10 }, (_, index) => `https://tenant-${index}.example`)
    const { logout } = vendor((issuer) => (tenants.includes(issuer) ? op : undefined), false)
    const iat = Math.floor(Date.now() / 1000)
    for (const iss of tenants) await logout.isLoggedOut(op.session({ iss, iat }))
    // The first fetch for a tenant in use needs no permit of the process. A forged token has used it.
    await settled(tenants.map((iss) => send(logout, forged(iss))))
    await pass(age, age / 10)
    if (state === 'were rotated') await op.rotate()
    const tokens = await Promise.all(tenants.map((iss) => op.logoutToken({ iss })))
    const genuine: Promise<string>[] = []
    let made = 0
    await pass(6000, 20, (time) => {
      void send(logout, forged(`https://made-up-${(made += 1)}.example`))
      if (time >= 2000 && time % 300 === 0 && tokens[0]) genuine.push(send(logout, tokens.pop()!))
    })
    expect(count(await settled(genuine))).toBe(10)
    await pass(5000, 100)
  },
)

test('RP-11f: forged tokens for 1,100 tenants in use do not push out keys that have verified a signature', async () => {
  const op = await pooledIssuer({ issuer: 'https://known.example' })
  const { logout, requests } = vendor(() => op, false)
  expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
  const iat = Math.floor(Date.now() / 1000)
  for (let index = 0; index < 1100; index += 1)
    await logout.isLoggedOut(op.session({ iss: `https://tenant-${index}.example`, iat }))
  let index = 0
  await pass(11_000, 10, () => void send(logout, forged(`https://tenant-${(index += 1)}.example`)))
  requests.length = 0
  expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
  expect(requests).not.toContain('https://known.example/jwks')
  await pass(5000, 100)
}, 60_000)

test('RP-52b: forged tokens for 1,100 tenants in use do not refill the permits of a known tenant', async () => {
  const op = await pooledIssuer({ issuer: 'https://known.example' })
  const { logout, requests } = vendor(() => op, false)
  expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
  let made = 0
  const forgeKnown = () => pass(500, 100, () => void send(logout, forged(op.issuer, `kid-${(made += 1)}`)))
  await forgeKnown()
  const toKnown = () => requests.filter((url) => url.startsWith(op.issuer)).length
  const before = toKnown()
  const iat = Math.floor(Date.now() / 1000)
  for (let index = 0; index < 1100; index += 1) {
    const iss = `https://tenant-${index}.example`
    await logout.isLoggedOut(op.session({ iss, iat }))
    void send(logout, forged(iss))
  }
  await pass(1000, 50)
  await forgeKnown()
  expect(toKnown()).toBe(before)
  await pass(5000, 100)
}, 60_000)

test.each([
  ['1.5 s later', 1500],
  ['in the same moment', 0],
])(
  'RP-52b: forged tokens that cause no fetch do not use up the permits of their issuers: first logouts %s',
  async (_, gap) => {
    const op = await pooledIssuer()
    const names = Array.from({ length: 150 }, (__, index) => `https://tenant-${index}.example`)
    const { logout, requests } = vendor((issuer) => (names.includes(issuer) ? op : undefined), false)
    const tokens = await Promise.all(names.map((iss) => op.logoutToken({ iss })))
    await pass(60_000, 10_000)
    let made = 0
    // The first token of a step gets the free permit of the process. With 7 tokens, this is each time another tenant.
    const forge = (): void => {
      for (let index = 0; index < 7; index += 1)
        void send(logout, forged(names[made % names.length]!, `kid-${(made += 1)}`))
    }
    await pass(20_000, 50, forge)
    const iat = Math.floor(Date.now() / 1000)
    for (const iss of names) await logout.isLoggedOut(op.session({ iss, iat }))
    await pass(gap, 50, forge)
    const outcomes = await settled(tokens.map((token) => send(logout, token)))
    expect(outcomes.filter((outcome) => outcome !== 'ok')).toEqual([])
    // The budgets still hold: no provider gets more than 8 requests at once, and then 3 every 15 seconds.
    const most = Math.max(...names.map((iss) => requests.filter((url) => url.startsWith(`${iss}/`)).length))
    expect(most).toBeLessThanOrEqual(8 + 6)
    await pass(10_000, 100)
  },
  60_000,
)

test('RP-11f: of a tenant in use, only the first fetch of the keys does not count for the limit of the process', async () => {
  const op = await pooledIssuer()
  const { logout, requests } = vendor(() => op, false)
  const iat = Math.floor(Date.now() / 1000)
  const names = Array.from({ length: 100 }, (_, index) => `https://tenant-${index}.example`)
  for (const iss of names) await logout.isLoggedOut(op.session({ iss, iat }))
  let made = 0
  for (let round = 0; round < 5; round += 1) {
    for (const iss of names) void send(logout, forged(iss, `kid-${(made += 1)}`))
    await pass(1000, 50)
  }
  // Each tenant fetches its discovery document and its keys once. The other fetches share the limit: 8, then 5 a second.
  expect(requests.length).toBeGreaterThanOrEqual(200)
  expect(requests.length).toBeLessThanOrEqual(200 + 3 * (8 + 5 * 5))
  await pass(10_000, 100)
}, 60_000)

test('RP-52d: forged tokens for 100 tenants in use do not stop the refresh of their stale JWK Sets', async () => {
  const op = await pooledIssuer()
  const { logout } = vendor(() => op, false)
  const session = (iss: string) => op.session({ iss, iat: Math.floor(Date.now() / 1000) })
  const names = Array.from({ length: 100 }, (_, index) => `https://tenant-${index}.example`)
  for (const iss of names) await logout.isLoggedOut(session(iss))
  // No token is valid, but the keys of all tenants are loaded.
  await settled(names.map((iss) => send(logout, forged(iss, op.key.kid))))
  const now = Math.floor(Date.now() / 1000) + 660
  const stolen = await Promise.all(names.slice(0, 30).map((iss) => op.logoutToken({ iss, iat: now, exp: now + 120 })))
  await op.rotate({ keepOld: false })
  await pass(660_000, 10_000)
  for (const iss of names) await logout.isLoggedOut(session(iss))
  const outcomes: Promise<string>[] = []
  let made = 0
  await pass(9000, 20, (time) => {
    void send(logout, forged(names[made % 100]!, `kid-${(made += 1)}`))
    if (time >= 1000 && time % 200 === 0 && stolen[0]) outcomes.push(send(logout, stolen.pop()!))
  })
  expect(count(await settled(outcomes))).toBe(0)
  await pass(10_000, 100)
}, 60_000)

test('RP-11c: a tenant in use stays in use if the function does not know it for a moment', async () => {
  const tenants = await Promise.all(
    Array.from({ length: 10 }, (__, index) => pooledIssuer({ issuer: `https://tenant-${index}.example` })),
  )
  let knows = true
  const issuers = async (iss: string): Promise<TrustedIssuer | undefined> => {
    await sleep(100)
    return knows ? tenants.find(({ issuer }) => issuer === iss)?.trusted : undefined
  }
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  const check = (op: TestIssuer) => logout.isLoggedOut(op.session({ iat: Math.floor(Date.now() / 1000), sid: 'new' }))
  await settled(tenants.map(check))
  await pass(70_000, 10_000)
  // These checks use the old answer, and call the function in the background.
  knows = false
  await settled(tenants.map(check))
  await pass(500, 100)
  knows = true
  const tokens = await Promise.all(tenants.map((op) => op.logoutToken()))
  const genuine: Promise<string>[] = []
  let made = 0
  await pass(5000, 10, (time) => {
    // The newest waiting call starts first, so the genuine tokens arrive just before forged tokens.
    if (time >= 1000 && time % 200 === 0 && tokens[0]) genuine.push(send(logout, tokens.pop()!))
    for (let times = 0; times < 3; times += 1) void send(logout, forged(`https://made-up-${(made += 1)}.example`))
  })
  expect(count(await settled(genuine))).toBe(10)
  await pass(5000, 100)
}, 60_000)

test('RP-11c: a check puts an issuer in use, although the call of a forged token began later and answered earlier', async () => {
  const op = await pooledIssuer({ issuer: 'https://known.example' })
  const clients = [op.clientId]
  let latency = 300
  const issuers = async (iss: string): Promise<TrustedIssuer[]> => {
    if (iss !== op.issuer) return new Promise(() => {})
    await sleep(latency)
    return clients.map((clientId) => ({ ...op.trusted, clientId }))
  }
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store: new MemoryStore() })
  const check = logout.isLoggedOut(op.session())
  await pass(50, 10)
  latency = 20
  void send(logout, forged(op.issuer, 'made up', 'unknown'))
  expect(await settled([Promise.resolve(check)])).toEqual([false])
  clients.push('added')
  let made = 0
  const flood = () => void send(logout, forged(`https://made-up-${(made += 1)}.example`))
  await pass(500, 5, flood)
  let outcome: string | undefined
  void send(logout, await op.logoutToken({ aud: 'added' })).then((code) => (outcome = code))
  await pass(1000, 5, flood)
  expect(outcome).toBe('ok')
  await pass(6000, 100)
})

test('RP-11: JWK Sets that have verified a signature do not push out other JWK Sets', async () => {
  const op = await pooledIssuer({ issuer: 'https://tenant-0.example' })
  const { logout, requests } = vendor(() => op, false)
  expect(await settled([send(logout, forged(op.issuer, op.key.kid))])).toEqual(['ERR_LOGOUT_TOKEN_SIGNATURE'])
  for (let index = 1; index <= 100; index += 1) {
    const iss = `https://tenant-${index}.example`
    expect(await settled([send(logout, await op.logoutToken({ iss }))])).toEqual(['ok'])
    await pass(5000, 1000)
  }
  requests.length = 0
  expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
  expect(requests).toEqual([])
})

describe.each([
  ['404 to tenants that do not exist', false],
  ['as if each tenant existed', true],
])('RP-11, RP-52: a function that accepts any tenant of a vendor that answers %s', (_, isEachServed) => {
  test('RP-11f: forged tokens for more than a thousand tenants do not block a known tenant', async () => {
    const op = await pooledIssuer({ issuer: 'https://known.example' })
    const { logout, requests } = vendor((issuer) => (issuer === op.issuer ? op : undefined), isEachServed)
    const first = send(logout, await op.logoutToken())
    expect(await settled([first])).toEqual(['ok'])
    let made = 0
    await pass(1050, 1, () => void send(logout, forged(`https://forged-${(made += 1)}.example`)))
    const asked = requests.length
    const tokens = await Promise.all(Array.from({ length: 10 }, () => op.logoutToken()))
    const genuine: Promise<string>[] = []
    await pass(5000, 50, (time) => {
      void send(logout, forged(`https://forged-${(made += 1)}.example`))
      if (time % 500 === 0) genuine.push(send(logout, tokens.pop()!))
    })
    expect(count(await settled(genuine))).toBe(10)
    expect(requests.slice(asked)).not.toContain('https://known.example/jwks')
    await pass(10_000, 100)
  })

  test('in a new process, forged tokens do not block the first logouts of eight tenants', async () => {
    const tenants = await Promise.all(
      Array.from({ length: 8 }, (__, index) => pooledIssuer({ issuer: `https://tenant-${index}.example` })),
    )
    const { logout, requests } = vendor((issuer) => tenants.find((op) => op.issuer === issuer), isEachServed)
    let made = 0
    const genuine: Promise<string>[] = []
    for (let times = 0; times < 40; times += 1) void send(logout, forged(`https://made-up-${(made += 1)}.example`))
    for (let half = 0; half < 20; half += 1) {
      const op = tenants[half % 8]!
      const token = half < 16 ? await op.logoutToken() : undefined
      await pass(500, 10, (time) => {
        if ((half * 500 + time) % 330 === 0) void send(logout, forged(`https://made-up-${(made += 1)}.example`))
        if (time === 0 && token) genuine.push(send(logout, token))
      })
    }
    const asked = requests.length
    await pass(5000, 50)
    expect(count(await settled(genuine))).toBeGreaterThanOrEqual(14)
    expect(asked).toBeLessThanOrEqual(100)
    await pass(10_000, 100)
  })

  test('RP-52b: forged tokens for more than a thousand tenants do not refill the permits of a known tenant', async () => {
    const op = await pooledIssuer({ issuer: 'https://known.example' })
    const { logout, requests } = vendor((issuer) => (issuer === op.issuer ? op : undefined), isEachServed)
    expect(await settled([send(logout, await op.logoutToken())])).toEqual(['ok'])
    requests.length = 0
    let made = 0
    for (let round = 0; round < 4; round += 1) {
      for (let times = 0; times < 1100; times += 1) void send(logout, forged(`https://forged-${(made += 1)}.example`))
      await pass(1000, 50)
      await pass(500, 100, () => void send(logout, forged(op.issuer, `kid-${(made += 1)}`)))
    }
    const toKnown = requests.filter((url) => url.startsWith(op.issuer)).length
    expect(toKnown).toBeGreaterThan(0)
    expect(toKnown).toBeLessThanOrEqual(6)
    await pass(10_000, 100)
  })

  test('RP-52b: one tenant gets at most eight requests, even if its JWK Set is evicted again and again', async () => {
    const { logout, requests } = vendor(() => undefined, isEachServed)
    let made = 0
    await pass(13_000, 20, () => {
      void send(logout, forged('https://target.example', `kid-${(made += 1)}`))
      void send(logout, forged(`https://made-up-${made}.example`))
    })
    const toTarget = requests.filter((url) => url.startsWith('https://target.example')).length
    expect(toTarget).toBeGreaterThan(0)
    expect(toTarget).toBeLessThanOrEqual(8)
    await pass(5000, 100)
  })
})
