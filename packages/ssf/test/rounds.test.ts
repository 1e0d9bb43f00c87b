import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import {
  createSecurityEventReceiver,
  createStreamClient,
  type SecurityEvent,
  type SecurityEventReceiver,
} from '@bcl/ssf'
import { createTestTransmitter } from '@bcl/testing'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

const { key } = (await createTestTransmitter()).op

/** Calls `close`, expects that it waits, and then releases the answer of the transmitter for which `close` waits. */
async function expectCloseToWait(
  receiver: SecurityEventReceiver,
  released: PromiseWithResolvers<undefined>,
): Promise<void> {
  let isClosed = false
  const closed = receiver.close().then(() => (isClosed = true))
  await new Promise(setImmediate)
  expect(isClosed).toBe(false)
  released.resolve(undefined)
  await closed
}

/** A receiver with a poll stream, whose clock the test moves. */
async function polling(onEvent?: (event: SecurityEvent) => unknown) {
  const transmitter = await createTestTransmitter({ key })
  const { issuer, fetch, accessToken, streams } = transmitter
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'test-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
  })
  const errors: unknown[] = []
  const requests: string[] = []
  let hangs = false
  const receiver = createSecurityEventReceiver({
    logout,
    transmitters: [{ issuer, audience: 'only for push' }],
    fetch: (url, init) => {
      requests.push(String(url))
      return hangs ? hang(init!.signal!) : fetch(url, init)
    },
    onEvent,
    onError: (error) => void errors.push(error),
  })
  const stream = await createStreamClient({ transmitter: issuer, accessToken, fetch }).createStream({
    delivery: { method: 'urn:ietf:rfc:8936' },
  })
  await receiver.warm()
  const stop = new AbortController()
  return {
    transmitter,
    receiver,
    errors,
    round: { transmitter: issuer, stream, accessToken },
    waiting: streams.get(stream.stream_id)!.waiting,
    polls: () => requests.filter((url) => url.includes('/poll/')).length,
    /** From now on, requests get no answer. */
    hang: () => void (hangs = true),
    start(options: object = {}) {
      const run = receiver.poll({ transmitter: issuer, stream, accessToken, signal: stop.signal, interval, ...options })
      return async () => {
        stop.abort()
        await run
      }
    },
  }
}

const hang = (signal: AbortSignal): Promise<Response> =>
  new Promise((_, reject) => {
    const fail = () => reject(signal.reason as Error)
    signal.addEventListener('abort', fail)
    if (signal.aborted) fail()
  })

/** The interval of the rounds, in seconds. No other timer has a multiple of it. */
const interval = 7

test('a round asks for 25 tokens at once, and acknowledges them without an empty list of errors', async () => {
  const { transmitter, receiver, round } = await polling()
  const bodies: unknown[] = []
  transmitter.fault = async (request) => {
    if (request.url.includes('/poll/')) bodies.push(await request.clone().json())
    return undefined
  }
  await transmitter.emit()
  await receiver.pollOnce(round)
  expect(bodies).toEqual([
    { returnImmediately: true, maxEvents: 25 },
    { returnImmediately: true, maxEvents: 0, ack: [expect.any(String)] },
  ])
})

test('a round handles no more tokens than it asked for, and leaves the others at the transmitter', async () => {
  const { transmitter, receiver, round, errors } = await polling()
  const bodies: { ack?: string[]; setErrs?: object }[] = []
  transmitter.fault = async (request) => {
    if (!request.url.includes('/poll/')) return undefined
    bodies.push(JSON.parse(await request.clone().text()) as object)
    const sets = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`jti-${index}`, 'no token']))
    return bodies.length === 1 ? Response.json({ sets }) : new Response(null, { status: 204 })
  }
  const result = await receiver.pollOnce({ ...round, maxEvents: 3 })
  expect(result).toEqual({ handled: 0, refused: 3, failed: 0, moreAvailable: true })
  expect(errors).toHaveLength(3)
  expect(Object.keys(bodies[1]!.setErrs!)).toEqual(['jti-0', 'jti-1', 'jti-2'])
})

test('a jti that is special in JavaScript is acknowledged or reported like any other', async () => {
  const { transmitter, receiver, round, waiting } = await polling()
  const { aud } = round.stream
  waiting.set('__proto__', await transmitter.set({ aud }))
  waiting.set('constructor', await transmitter.set({ aud: 'other' }))
  const bodies: string[] = []
  transmitter.fault = async (request) => {
    if (!request.url.includes('/poll/')) return undefined
    bodies.push(await request.clone().text())
    const sets = [...waiting].map(([jti, jwt]) => `${JSON.stringify(jti)}:${JSON.stringify(jwt)}`)
    return bodies.length === 1 ? new Response(`{"sets":{${sets.join()}}}`) : new Response(null, { status: 204 })
  }
  expect(await receiver.pollOnce(round)).toMatchObject({ handled: 1, refused: 1 })
  expect(bodies[1]).toContain('"ack":["__proto__"],"setErrs":{"constructor":{"err":"invalid_audience"')
})

test('the signal of a round stops its request', async () => {
  const { receiver, round, hang: hangFromNow } = await polling()
  hangFromNow()
  const stop = new AbortController()
  const run = receiver.pollOnce({ ...round, signal: stop.signal })
  stop.abort(new Error('stopped'))
  await expect(run).rejects.toThrow('stopped')
})

test('a transmitter that is not configured is a TypeError that names it', async () => {
  const { receiver, round } = await polling()
  await expect(receiver.pollOnce({ ...round, transmitter: 'https://other.example' })).rejects.toThrow(
    new TypeError('transmitter must be a configured issuer, got "https://other.example"'),
  )
})

describe('poll', () => {
  const spyOnTimers = () => vi.spyOn(globalThis, 'setTimeout')
  let timers: ReturnType<typeof spyOnTimers>
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    vi.spyOn(Math, 'random').mockReturnValue(0)
    timers = spyOnTimers()
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  /** Waits until poll starts a timer for its next round. Returns the number of intervals that it waits. */
  const nextWait = async (): Promise<number> => {
    for (;;) {
      const waits = timers.mock.calls.map(([, milliseconds = 0]) => milliseconds / interval / 1000)
      const wait = waits.find((count) => Number.isInteger(count * 4))
      if (wait !== undefined) {
        timers.mockClear()
        return wait
      }
      await new Promise(setImmediate)
    }
  }
  const pass = (intervals: number) => vi.advanceTimersByTimeAsync(intervals * interval * 1000)

  test('waits for the interval after a round, also after a round with tokens', async () => {
    const { transmitter, polls, start } = await polling()
    await transmitter.emit()
    const stop = start()
    expect([await nextWait(), polls()]).toEqual([1, 2])
    await pass(1)
    expect([await nextWait(), polls()]).toEqual([1, 3])
    await stop()
  })

  test('waits if the transmitter says that it has more tokens, but sends none', async () => {
    const { transmitter, polls, start } = await polling()
    transmitter.fault = ({ url }) =>
      url.includes('/poll/') ? Response.json({ sets: {}, moreAvailable: true }) : undefined
    const stop = start()
    expect([await nextWait(), polls()]).toEqual([1, 1])
    await stop()
  })

  test('goes on at once if all tokens of a round are acknowledged or reported', async () => {
    const { transmitter, waiting, polls, start } = await polling()
    await transmitter.emit()
    await transmitter.emit({ aud: 'other' })
    await transmitter.emit()
    const stop = start({ maxEvents: 2 })
    expect([await nextWait(), polls(), waiting.size]).toEqual([1, 4, 0])
    await stop()
  })

  test('waits longer after each round with a token that failed, until a round has none', async () => {
    let isDown = true
    const { transmitter, errors, start } = await polling(() => {
      if (isDown) throw new Error('down')
    })
    await transmitter.emit()
    const stop = start()
    // The jitter is the factor 0.5 here.
    for (const [failures, wait] of [1, 2, 4].entries()) {
      expect([await nextWait(), errors.length]).toEqual([wait, failures + 1])
      isDown = failures < 2
      await pass(wait)
    }
    expect([await nextWait(), errors.length]).toEqual([1, 3])
    await stop()
  })

  test('waits at most 8 intervals for new tokens, if a token always fails', async () => {
    const { transmitter, errors, start } = await polling(() => Promise.reject(new Error('down')))
    await transmitter.emit()
    const stop = start()
    // The jitter is the factor 0.5 here.
    for (const [failures, wait] of [1, 2, 4, 4, 4].entries()) {
      expect([await nextWait(), errors.length]).toEqual([wait, failures + 1])
      await pass(wait)
    }
    await stop()
  })

  test('a token that always fails does not slow a round with a new token, and more tokens are asked for at once', async () => {
    let failures = 0
    const { transmitter, waiting, polls, start } = await polling(({ claims }) => {
      if (claims.txn !== 'fails') return
      failures += 1
      throw new Error('down')
    })
    await transmitter.emit({ txn: 'fails' })
    const stop = start({ maxEvents: 1 })
    expect([await nextWait(), failures]).toEqual([1, 1])
    for (let count = 0; count < 3; count += 1) await transmitter.emit()
    await pass(1)
    // Three rounds: two tokens, two tokens, and two tokens. Each round has one new token.
    expect([await nextWait(), failures, waiting.size]).toEqual([1, 4, 1])
    expect(polls()).toBe(7)
    await stop()
  })

  test('handles all tokens of a transmitter that sends more than a megabyte at once, whatever it was asked for', async () => {
    const { transmitter, waiting, errors, start } = await polling()
    for (let count = 0; count < 80; count += 1) await transmitter.emit({ padding: 'x'.repeat(10_000) })
    transmitter.fault = async (request) => {
      if (!request.url.includes('/poll/')) return undefined
      const { ack = [] } = (await request.clone().json()) as { ack?: string[] }
      for (const jti of ack) waiting.delete(jti)
      return Response.json({ sets: Object.fromEntries(waiting), moreAvailable: false })
    }
    const stop = start()
    expect([await nextWait(), waiting.size, errors]).toEqual([1, 0, []])
    await stop()
  })

  test('a new token is handled although failed tokens of more than a megabyte wait before it', async () => {
    const { transmitter, waiting, start } = await polling(({ claims }) => {
      if (claims['padding']) throw new Error('down')
    })
    for (let count = 0; count < 80; count += 1) await transmitter.emit({ padding: 'x'.repeat(10_000) })
    await transmitter.emit()
    const stop = start()
    // The clock moves only between the rounds, because a token has a time-out. The fourth round asks for 100 tokens.
    for (let round = 0; round < 4; round += 1) await pass(await nextWait())
    await nextWait()
    expect(waiting.size).toBe(80)
    await stop()
  })

  test.each([
    ['wrong', { aud: 'other' }],
    ['carried out before', {}],
  ])('a backlog of tokens that are %s is handled without a pause', async (_, claims) => {
    const { transmitter, round, polls, start } = await polling()
    const jwt = await transmitter.set({ aud: round.stream.aud, ...claims })
    let left = 20
    transmitter.fault = async (request) => {
      if (!request.url.includes('/poll/')) return undefined
      const { ack = [], setErrs = {} } = (await request.clone().json()) as { ack?: string[]; setErrs?: object }
      const done = ack.length + Object.keys(setErrs).length
      left -= done
      return Response.json({ sets: left && !done ? { [`token-${left}`]: jwt } : {}, moreAvailable: left > 1 })
    }
    const stop = start({ maxEvents: 1 })
    expect(await nextWait()).toBe(1)
    expect([left, polls()]).toEqual([0, 40])
    await stop()
  })

  test.each([
    ['wrong', { aud: 'other' }],
    ['carried out', {}],
  ])(
    'waits if the transmitter sends again and again a token that was %s, and says that it has more',
    async (_, claims) => {
      const { transmitter, round, polls, start } = await polling()
      const jwt = await transmitter.set({ aud: round.stream.aud, ...claims })
      transmitter.fault = ({ url }) => {
        // The limit keeps the test from running for ever.
        if (polls() > 50) return new Response(null, { status: 500 })
        return url.includes('/poll/') ? Response.json({ sets: { same: jwt }, moreAvailable: true }) : undefined
      }
      const stop = start()
      const before: number[] = []
      for (let rounds = 1; rounds <= 3; rounds += 1) {
        expect(await nextWait()).toBe(1)
        before.push(polls())
        await pass(1)
      }
      // The first round may have made progress, so the second round begins at once.
      expect(before).toEqual([4, 6, 8])
      await stop()
    },
  )

  test('reports no error of a request that the signal stopped', async () => {
    const { errors, polls, hang: hangFromNow, start } = await polling()
    hangFromNow()
    const stop = start()
    await vi.waitFor(() => expect(polls()).toBe(1))
    await stop()
    expect(errors).toEqual([])
  })

  test('close waits for a round in progress', async () => {
    const { transmitter, receiver, start, polls } = await polling()
    const released = Promise.withResolvers<undefined>()
    transmitter.fault = () => released.promise
    const stop = start()
    await vi.waitFor(() => expect(polls()).toBe(1))
    await expectCloseToWait(receiver, released)
    await stop()
  })

  test('close waits only for the token in progress, and the other tokens of the round stay at the transmitter', async () => {
    const begun: unknown[] = []
    const released = Promise.withResolvers<undefined>()
    const { transmitter, receiver, waiting, errors, start } = await polling(() => {
      begun.push(undefined)
      return released.promise
    })
    for (let sent = 0; sent < 3; sent += 1) await transmitter.emit()
    const stop = start()
    await vi.waitFor(() => expect(begun).toHaveLength(1))
    await expectCloseToWait(receiver, released)
    await stop()
    expect([begun.length, waiting.size, errors]).toEqual([1, 3, []])
  })

  test('25 tokens that hang delay another token of the round by 25 seconds, and not by 50', async () => {
    let begun = 0
    const { transmitter, receiver, round, errors, waiting } = await polling(() => {
      begun += 1
      return begun <= 25 ? new Promise<never>(() => {}) : undefined
    })
    for (let sent = 0; sent < 26; sent += 1) await transmitter.emit()
    const once = receiver.pollOnce({ ...round, maxEvents: 26 })
    for (let hanging = 1; hanging <= 25; hanging += 1) {
      while (begun < hanging) await new Promise(setImmediate)
      await new Promise(setImmediate)
      await vi.advanceTimersByTimeAsync(Math.min(2000, 10_000 / hanging) + 1)
    }
    expect(await once).toEqual({ handled: 1, refused: 0, failed: 25, moreAvailable: false })
    expect([errors.length, waiting.size]).toEqual([25, 25])
  })

  test('close waits for pollOnce, and pollOnce still acknowledges its tokens', async () => {
    const { transmitter, receiver, round, waiting, polls } = await polling()
    await transmitter.emit()
    const released = Promise.withResolvers<undefined>()
    transmitter.fault = () => released.promise
    const once = receiver.pollOnce(round)
    await vi.waitFor(() => expect(polls()).toBe(1))
    await expectCloseToWait(receiver, released)
    expect(waiting.size).toBe(0)
    expect(await once).toMatchObject({ handled: 1 })
  })
})

test.each([
  ['maxEvent is not an option. Did you mean maxEvents?', { maxEvent: 1 }],
  ['sinal is not an option. Did you mean signal?', { sinal: undefined }],
  ['maxEvents must be whole, from 1 to 1,000, got 0', { maxEvents: 0 }],
  ['maxEvents must be whole, from 1 to 1,000, got 0.5', { maxEvents: 0.5 }],
  ['maxEvents must be whole, from 1 to 1,000, got 1001', { maxEvents: 1001 }],
  ['maxEvents must be whole, from 1 to 1,000, got "2"', { maxEvents: '2' }],
  // With such an interval, `poll` would ask without a pause.
  ['interval must be seconds above 0, got -1', { interval: -1 }],
  ['interval must be seconds above 0, got NaN', { interval: Number.NaN }],
])('poll and pollOnce reject with a TypeError: %s', async (message, options) => {
  const { receiver, round, polls } = await polling()
  for (const run of [receiver.pollOnce, receiver.poll]) {
    const failure = await run({ ...round, ...options } as never).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf(TypeError)
    expect((failure as Error).message).toMatch(message)
  }
  expect(polls()).toBe(0)
})

test.each([['intervall is not an option. Did you mean interval?', { intervall: 1 }]])(
  'poll rejects with a TypeError: %s',
  async (message, options) => {
    const { receiver, round } = await polling()
    await expect(receiver.poll({ ...round, ...options } as never)).rejects.toThrow(message)
  },
)
