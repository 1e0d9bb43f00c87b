// Runs the code of docs/security-events.md that polls a transmitter, with a clock that the test moves.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { createBackchannelLogout, MemoryStore, type SessionClaims } from '@bcl/core'
import { createSecurityEventReceiver } from '@bcl/ssf'
import { createTestTransmitter } from '@bcl/testing'

import { codeBlocks } from '../../checks/scripts/code-blocks.ts'
import { writeCode } from './page-code.ts'

const page = readFileSync(join(import.meta.dirname, '../security-events.md'), 'utf8')
const { code } = codeBlocks(page).find((block) => block.code.includes('startPolling'))!

async function until({ signal }: TestContext, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) {
    signal.throwIfAborted()
    await new Promise(setImmediate)
  }
}

/** Starts the code of the page. `failing` is the part of a URL that gets 503 while it is set. */
async function startPage(t: TestContext, name: string, failing: string | undefined) {
  const transmitter = await createTestTransmitter({ issuer: 'https://idp.example.com/realms/acme' })
  const { issuer, audience, accessToken, requests } = transmitter
  const headers = { authorization: `Bearer ${accessToken}` }
  const body = JSON.stringify({ delivery: { method: 'urn:ietf:rfc:8936' } })
  const created = await transmitter.fetch(`${issuer}/streams`, { method: 'POST', headers, body })
  const { stream_id: streamId } = (await created.json()) as { stream_id: string }

  const state = { failing }
  transmitter.fault = ({ url }) =>
    state.failing && url.includes(state.failing) ? new Response(null, { status: 503 }) : undefined
  const logout = createBackchannelLogout({
    issuers: [{ issuer, clientId: 'my-client' }],
    sessionMaxAge: 3600,
    store: new MemoryStore(),
    fetch: transmitter.fetch,
  })
  const events = createSecurityEventReceiver({ logout, transmitters: [{ issuer, audience }], onError() {} })

  t.mock.method(globalThis, 'fetch', transmitter.fetch)
  t.mock.method(Math, 'random', () => 1) // no jitter
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const timers = t.mock.method(globalThis, 'setTimeout')
  const log = t.mock.method(console, 'error', () => {})
  process.env.SSF_CLIENT_SECRET = 'secret'
  Object.assign(globalThis, { events, streamId })
  const count = (part: string) => requests.filter((request) => request.includes(part)).length
  const [streams, polls] = [() => count('GET https://idp.example.com/realms/acme/streams'), () => count('/poll/')]
  /** Waits until the code starts a pause. Then moves the clock to the end of the pause. */
  const pauseOf = async (seconds: number) => {
    await until(t, () => timers.mock.calls.some(({ arguments: [, delay] }) => delay === seconds * 1000))
    timers.mock.resetCalls()
    const before = requests.length
    t.mock.timers.tick(seconds * 1000 - 1)
    await new Promise(setImmediate)
    assert.equal(requests.length, before)
    t.mock.timers.tick(1)
  }
  const { stop }: { stop: AbortController } = await import(writeCode('security-events', name, code, ['stop']))
  return { transmitter, logout, state, log, streams, polls, pauseOf, stop }
}

test(
  'security-events.md: polling starts when the transmitter is back, waits longer after each failure, and stops',
  { timeout: 20_000 },
  async (t) => {
    const { transmitter, logout, state, log, streams, polls, pauseOf, stop } = await startPage(t, 'retry', '/streams')
    const { issuer: iss } = transmitter
    const session: SessionClaims = { iss, sub: 'alice', sid: 's-1', iat: Math.floor(Date.now() / 1000) - 60 }
    await until(t, () => log.mock.callCount() === 1)
    await pauseOf(10)
    await until(t, () => log.mock.callCount() === 2)
    assert.match(String(log.mock.calls[1]!.arguments[0]), /^no polling yet:$/)
    assert.deepEqual([streams(), polls()], [2, 0])

    state.failing = '/poll/'
    await pauseOf(10)
    await until(t, () => polls() === 1)
    assert.equal(streams(), 3)
    await pauseOf(2)
    await until(t, () => polls() === 2)
    await transmitter.emit({ sub_id: { format: 'iss_sub', iss, sub: 'alice' } })
    assert.equal(await logout.isLoggedOut(session), false)
    state.failing = undefined
    await pauseOf(4)
    await until(t, () => logout.isLoggedOut(session))
    await pauseOf(1)
    assert.deepEqual([streams(), log.mock.callCount()], [3, 2])

    await until(t, () => polls() > 4)
    const before = polls()
    stop.abort()
    t.mock.timers.tick(3_600_000)
    await new Promise(setImmediate)
    assert.equal(polls(), before)
  },
)

test('security-events.md: a stop during the first pause ends the attempts', { timeout: 20_000 }, async (t) => {
  const { log, streams, pauseOf, stop } = await startPage(t, 'stop', '/streams')
  await until(t, () => log.mock.callCount() === 1)
  stop.abort()
  await pauseOf(10)
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate)
  assert.equal(streams(), 1)
})
