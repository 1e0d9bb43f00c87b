import {
  createBackchannelLogout,
  MemoryStore,
  type BackchannelLogout,
  type BackchannelLogoutOptions,
  type LogoutStore,
} from '@bcl/core'
import type { TestIssuer } from '@bcl/testing'
import { assertEqual, eventually, rejection, type Case } from './case.ts'
import { expectAnswer, formOf } from './endpoint.ts'

const row = (
  name: string,
  run: (logout: BackchannelLogout, op: TestIssuer) => Promise<void>,
  options: Partial<BackchannelLogoutOptions> | (() => Partial<BackchannelLogoutOptions>) = {},
): Case => ({
  name: `session: ${name}`,
  async run(op) {
    const more = typeof options === 'function' ? options() : options
    const logout = createBackchannelLogout({
      issuers: [op.trusted],
      sessionMaxAge: 3600,
      store: new MemoryStore(),
      ...more,
    })
    try {
      await run(logout, op)
    } finally {
      await logout.close()
    }
  },
})

const down = async (): Promise<never> => {
  throw new Error('the store is down')
}
const never = (): Promise<never> => new Promise(() => {})
const downStore: LogoutStore = { add: down, values: down, remove: down }
const silentStore: LogoutStore = { add: never, values: never, remove: never }

/** Makes a store whose first writes fail, so that the request must retry them. */
function hiccup(): LogoutStore {
  const memory = new MemoryStore()
  let refusals = 3
  return {
    add: async (...args) => {
      if ((refusals -= 1) >= 0) throw new Error('the store hiccups')
      await memory.add(...args)
    },
    values: (keys) => memory.values(keys),
    remove: (...args) => memory.remove(...args),
  }
}

const destroyed: string[] = []

export const sessionRows: readonly Case[] = [
  row('a session is alive until its logout, and other sessions stay alive', async (logout, op) => {
    assertEqual(await logout.isLoggedOut(op.session()), false, 'before')
    await expectAnswer(logout, formOf(await op.logoutToken()), 200)
    assertEqual(await logout.isLoggedOut(op.session()), true, 'after')
    assertEqual(await logout.isLoggedOut(op.session({ sid: 'session-2' })), false, 'another session')
    assertEqual(await logout.isLoggedOut(op.session({ sid: undefined })), true, 'a session whose sid is not known')
  }),
  row('a token without sid ends all sessions of its subject', async (logout, op) => {
    await logout.receive(await op.logoutToken({ sid: undefined }))
    assertEqual(await logout.isLoggedOut(op.session()), true, 'one')
    assertEqual(await logout.isLoggedOut(op.session({ sid: 'session-2' })), true, 'another')
    assertEqual(await logout.isLoggedOut(op.session({ sub: 'bob', sid: 'session-3' })), false, "somebody else's")
  }),
  row('a session that began after the logout is alive', async (logout, op) => {
    await logout.receive(await op.logoutToken({ iat: op.now() - 30 }))
    assertEqual(await logout.isLoggedOut(op.session({ iat: op.now() - 29 })), false, 'later')
    assertEqual(await logout.isLoggedOut(op.session({ iat: op.now() - 30 })), true, 'in the same second')
  }),
  row('a session that is too old counts as logged out', async (logout, op) => {
    assertEqual(await logout.isLoggedOut(op.session({ iat: op.now() - 3700 })), true, 'logged out')
  }),
  row('a wrong claim is a TypeError', async (logout, op) => {
    assertEqual((await rejection(logout.isLoggedOut(op.session({ sub: '' })))).name, 'TypeError', 'sub')
    assertEqual((await rejection(logout.isLoggedOut(op.session({ iat: Date.now() })))).name, 'TypeError', 'iat')
  }),
  row('a repeated token is answered 200, and the listener is not called again', async (logout, op) => {
    let calls = 0
    logout.onLogout(() => void (calls += 1))
    const token = formOf(await op.logoutToken())
    await expectAnswer(logout, token, 200)
    await expectAnswer(logout, token, 200)
    assertEqual(calls, 1, 'calls')
  }),
  row(
    'if the store is down, the check rejects',
    async (logout, op) => {
      assertEqual((await rejection(logout.isLoggedOut(op.session()))).code, 'ERR_LOGOUT_FAILED', 'code')
    },
    { store: downStore },
  ),
  row(
    'if the store never answers, the check rejects after the time-out',
    async (logout, op) => {
      assertEqual((await rejection(logout.isLoggedOut(op.session()))).code, 'ERR_LOGOUT_FAILED', 'code')
    },
    { store: silentStore, storeTimeout: 0.05 },
  ),
  row(
    'if the first writes fail, the logout is still written within the request',
    async (logout, op) => {
      await expectAnswer(logout, formOf(await op.logoutToken()), 200)
      assertEqual(await logout.isLoggedOut(op.session()), true, 'logged out')
    },
    () => ({ store: hiccup() }),
  ),
  row('watch calls its listener once for a logout on its instance', async (logout, op) => {
    let told = 0
    logout.watch(op.session(), () => (told += 1))
    logout.watch(op.session({ sid: 'session-2' }), () => (told += 10))
    await logout.receive(await op.logoutToken())
    await eventually(() => told > 0, 'being told')
    await logout.receive(await op.logoutToken())
    assertEqual(told, 1, 'times told')
  }),
  row(
    'a tracked session is destroyed',
    async (logout, op) => {
      assertEqual(await logout.trackSession(op.session(), 'local-1'), true, 'tracked')
      await logout.receive(await op.logoutToken())
      assertEqual(destroyed, ['local-1'], 'destroyed')
      assertEqual(await logout.trackSession(op.session(), 'local-2'), false, 'tracked after the logout')
    },
    { destroySession: (id) => destroyed.push(id) },
  ),
]
