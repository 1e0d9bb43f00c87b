import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { newDevice, start, statusOfMe, type Command } from './application.ts'

/**
 * Tests an outage of the store. A user with a session gets 503 and can still sign out. The command must start an
 * application whose store fails while the file `OUTAGE` exists.
 */
export async function refusesInOutage(
  t: { after(work: () => void): void },
  command: Command,
  hasSignOut = true,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'outage-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const outage = join(folder, 'outage')
  const application = await start(t, { ...command, env: { OUTAGE: outage } })
  const { base, output } = application
  const [laptop, phone] = [await newDevice(application), await newDevice(application)]
  const statusOf = (...cookies: string[]) => Promise.all(cookies.map((cookie) => statusOfMe(application, cookie)))
  assert.deepEqual(await statusOf(laptop, phone), [200, 200])

  writeFileSync(outage, '')
  assert.deepEqual(await statusOf(laptop, phone), [503, 503], output())
  assert.equal(await statusOfMe(application, ''), 401)
  if (hasSignOut) {
    const [page, everywhere, signOut] = [
      await fetch(`${base}/`, { headers: { cookie: laptop } }),
      await fetch(`${base}/logout-everywhere`, { method: 'POST', headers: { cookie: laptop, origin: base } }),
      await fetch(`${base}/logout`, { method: 'POST', headers: { cookie: laptop, origin: base }, redirect: 'manual' }),
    ]
    assert.deepEqual([page.status, everywhere.status, signOut.status], [503, 503, 303], output())
  }

  rmSync(outage)
  assert.deepEqual(await statusOf(laptop, phone), [hasSignOut ? 401 : 200, 200], output())
}
