import { MemoryStore, type LogoutStore } from '@bcl/core'
import { createTestIssuer, createTestKey, wrongTokens } from '@bcl/testing'
import { describe, expect, test } from 'vitest'
import { create, createClock } from './support.js'

/*
 * A sender without a key of the provider learns nothing about sessions. The tests send each forged token for a live session, an
 * ended session and an unknown session. They compare everything that the sender can notice: the whole answer, and the calls of
 * the store, because each call takes time.
 */

const clock = createClock()
const op = await createTestIssuer({ now: clock.now })
const stranger = await createTestKey('RS256', op.key.kid)

const subjects = {
  'is alive and tracked': { sub: 'alive', sid: 'alive-1' },
  'was logged out': { sub: 'over', sid: 'over-1' },
  'is unknown': { sub: 'nobody', sid: 'never-1' },
  'was logged out by its subject': { sub: 'gone', sid: 'gone-1' },
}

/** A receiver that knows each kind of session. It also counts its later calls of the store. */
async function prepare() {
  const store = new MemoryStore({ now: clock.now })
  const calls: string[] = []
  const counted: LogoutStore = {
    add: (...args) => (calls.push('add'), store.add(...args)),
    values: (...args) => (calls.push('values'), store.values(...args)),
    remove: (...args) => (calls.push('remove'), store.remove(...args)),
  }
  const destroyed: string[] = []
  const logout = create(op, { store: counted, destroySession: (id) => destroyed.push(id) })
  await logout.trackSession(op.session(subjects['is alive and tracked']), 'app-1')
  await logout.trackSession(op.session(subjects['was logged out']), 'app-2')
  await logout.receive(await op.logoutToken(subjects['was logged out']))
  await logout.receive(await op.logoutToken({ sub: 'gone', sid: undefined }))
  calls.length = 0
  destroyed.length = 0
  return { logout, calls, destroyed }
}

/** Replaces a part of the token by a part of another token. */
const spliced = (token: string, part: 0 | 1 | 2, from: string): string =>
  token
    .split('.')
    .map((own, index) => (index === part ? from.split('.')[part] : own))
    .join('.')

const good = await op.logoutToken({ sub: 'over', sid: 'over-1' })
type Forge = (claims: object) => Promise<string>
const forgeries: [name: string, make: Forge][] = [
  ['signed with the key of another party', async (claims) => resigned(await op.logoutToken(claims))],
  ['with the signature of a valid token', async (claims) => spliced(await op.logoutToken(claims), 2, good)],
  ['without a signature', async (claims) => (await op.logoutToken(claims)).replace(/[^.]*$/, '')],
  ['of alg "none"', async (claims) => `${part({ alg: 'none' })}.${(await op.logoutToken(claims)).split('.')[1]}.`],
  ['naming an unknown kid', async (claims) => op.logoutToken(claims, { kid: 'unknown' })],
  ['of another issuer', async (claims) => op.logoutToken({ ...claims, iss: 'https://other.example.com' })],
  ['for another client', async (claims) => resigned(await op.logoutToken({ ...claims, aud: 'other' }))],
  [
    'expired, and signed with the key of another party',
    async (claims) => resigned(await op.logoutToken({ ...claims, exp: 1 })),
  ],
]

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const resigned = (token: string): Promise<string> => {
  const [header, payload] = token.split('.').map((one) => Buffer.from(one, 'base64url').toString())
  return op.sign(payload!, JSON.parse(header!) as object, stranger.privateKey)
}

/** Everything that the sender can see. */
async function answerTo(logout: Awaited<ReturnType<typeof prepare>>['logout'], jwt: string) {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const url = 'https://rp.example.com/backchannel-logout'
  const response = await logout.handle(new Request(url, { method: 'POST', headers, body: `logout_token=${jwt}` }))
  return { status: response.status, headers: [...response.headers], body: await response.text() }
}

describe('RP-43: without a valid signature, answers show nothing about sessions', () => {
  test.each(forgeries)('a token %s gets the same answer for each session', async (_, forge) => {
    const { logout, calls, destroyed } = await prepare()
    const answers = []
    for (const claims of Object.values(subjects)) answers.push(await answerTo(logout, await forge(claims)))
    expect(answers[0]!.status).toBe(400)
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(calls).toEqual([])
    expect(destroyed).toEqual([])
  })

  test('a wrong token causes no call of the store', async () => {
    const { logout, calls } = await prepare()
    const statuses = new Set<number>()
    for (const { make, settings } of wrongTokens) {
      if (settings) continue
      statuses.add((await answerTo(logout, await make(op))).status)
    }
    expect([...statuses]).toEqual([400])
    expect(calls).toEqual([])
  })

  test('a forged token changes no answer of isLoggedOut', async () => {
    const { logout } = await prepare()
    const see = () => Promise.all(Object.values(subjects).map((claims) => logout.isLoggedOut(op.session(claims))))
    const before = await see()
    for (const claims of Object.values(subjects)) {
      for (const [, forge] of forgeries) await answerTo(logout, await forge(claims))
    }
    expect(await see()).toEqual(before)
    expect(before).toEqual([false, true, false, true])
  })

  test('a valid token gets the same answer for each session', async () => {
    const { logout } = await prepare()
    const answers = []
    for (const claims of Object.values(subjects)) answers.push(await answerTo(logout, await op.logoutToken(claims)))
    for (const answer of answers)
      expect(answer).toEqual({ status: 200, headers: [['cache-control', 'no-store']], body: '' })
  })
})
