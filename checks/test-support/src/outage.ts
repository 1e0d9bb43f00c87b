import { createBackchannelLogout, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { expect, vi } from 'vitest'
import { before, eventually } from './eventually.js'

/** A store whose server can fail. */
export interface Outage {
  store: LogoutStore
  begin(): unknown
  end(): unknown
  /** The same store with other connections. `end` does not affect these connections. */
  elsewhere(): LogoutStore | Promise<LogoutStore>
}

const settings = (op: TestIssuer, store: LogoutStore) => ({ issuers: [op.trusted], sessionMaxAge: 3600, store })

const post = async (logout: BackchannelLogout, token: string): Promise<number> => {
  const { status } = await logout.respond({
    method: 'POST',
    contentType: 'application/x-www-form-urlencoded',
    body: `logout_token=${token}`,
  })
  return status
}

/** Tells whether a session passes the check. No session passes if the store does not answer. */
export const passes = (logout: BackchannelLogout, session: Parameters<BackchannelLogout['isLoggedOut']>[0]) =>
  logout.isLoggedOut(session).then(
    (isOver) => !isOver,
    () => false,
  )

/**
 * Makes the store fail, and then makes it work again. Expects that no logout is lost or wrongly acknowledged. Expects that no
 * session passes during the outage.
 */
export async function expectNothingLost({ store, begin, end, elsewhere }: Outage): Promise<void> {
  const op = await createTestIssuer()
  const tokenOf = (sid: string): Promise<string> => op.logoutToken({ sid, sub: sid })
  const sessionOf = (sid: string) => op.session({ sid })
  const here = createBackchannelLogout({ ...settings(op, store), unavailableStatus: 503 })
  const at400 = createBackchannelLogout({ ...settings(op, store), unavailableStatus: 400 })
  let told = 0
  for (const logout of [here, at400]) logout.onLogout(() => (told += 1))
  const isTaken = async (sid: string): Promise<boolean> => (await post(here, await tokenOf(sid))) === 200
  // On a busy machine, the first and the last calls can take longer than their time-out of one second.
  await eventually('a logout is taken', () => isTaken('first'), 20)
  await eventually('checks work', () => passes(here, sessionOf('other')))
  const done = told
  expect(done).toBeGreaterThan(0)

  const [second, third] = [await tokenOf('second'), await tokenOf('third')]
  const add = vi.spyOn(store, 'add')
  const isCalledFor = (sid: string): boolean => add.mock.calls.some(([key]) => key.includes(sid))
  await begin()
  const answers = Promise.all([post(here, second), post(at400, third)])
  // The time starts at the calls of the store. A busy machine can need a second to verify the tokens.
  await eventually('both logouts reach the store', () => isCalledFor('second') && isCalledFor('third'))
  expect(await before(2, () => answers)).toEqual([503, 400])
  // No logout is acknowledged. But the instance that received a logout refuses the session at once. No other session
  // passes, because its state is unknown.
  expect(told).toBe(done)
  expect(await here.isLoggedOut(sessionOf('second'))).toBe(true)
  // The check takes one second. A busy machine can need another second to call the store.
  await expect(before(3, () => here.isLoggedOut(sessionOf('other')))).rejects.toMatchObject({
    code: 'ERR_LOGOUT_FAILED',
  })

  await end()
  const other = createBackchannelLogout(settings(op, await elsewhere()))
  for (const sid of ['second', 'third']) {
    // Retries, because a pool may still have connections that have not noticed the outage.
    await eventually(`${sid} is written`, () => other.isLoggedOut(sessionOf(sid)).catch(() => false))
  }
  await eventually('checks work again', () => passes(here, sessionOf('other')))
  // Retries, because a pool may still have connections that wait for their next attempt to connect.
  await eventually('logouts are taken again', () => isTaken('fourth'), 20)
  await Promise.all([here, at400, other].map((logout) => logout.close()))
}
