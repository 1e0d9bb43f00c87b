import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type * as core from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { describe, expect } from 'vitest'

const root = resolve(import.meta.dirname, '../../..')
const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

/**
 * The test that contains the expected stored format. A commit that changes a line of this test changes the format. Then
 * instances of the last commit cannot read the new format.
 */
const formats = 'packages/core/test/formats.test.ts'

/** Returns the reason why the last commit cannot be compared with this commit, or `undefined`. */
function reasonToSkip(): string | undefined {
  try {
    const [, removed = '0'] = git('diff', '--numstat', 'HEAD~1', '--', formats).split('\t')
    return Number(removed) > 0 ? `${formats} has changed, so this commit changes the format` : undefined
  } catch {
    return 'no history of git'
  }
}

/**
 * A suite that compares this commit with the last commit. If the comparison is not possible, the suite is skipped, even
 * in CI.
 */
export function describeWithLastCommit(name: string, suite: () => void): void {
  const reason = reasonToSkip()
  if (reason === undefined) describe(name, suite)
  else describe.skip(`${name}: skipped, ${reason}`, suite)
}

export interface LastCommit {
  core: typeof core
  /** Loads another package of the last commit. */
  load<T>(name: string): Promise<T>
  close(): void
}

/** Takes the sources of the last commit from git. Uses the dependencies of the current commit. */
export async function lastCommit(): Promise<LastCommit> {
  const folder = mkdtempSync(join(tmpdir(), 'bcl-last-commit-'))
  const archive = execFileSync('git', ['archive', 'HEAD~1', 'packages', 'tsconfig.base.json'], {
    cwd: root,
    maxBuffer: 2 ** 30,
  })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  symlinkSync(join(root, 'packages/core/node_modules'), join(folder, 'packages/core/node_modules'))
  const load = <T>(name: string): Promise<T> =>
    import(/* @vite-ignore */ join(folder, 'packages', name, 'src/index.ts'))
  return { core: await load('core'), load, close: () => rmSync(folder, { recursive: true }) }
}

/** A version of core with its store. */
export interface Version {
  core: Pick<typeof core, 'createBackchannelLogout'>
  store: core.LogoutStore
}

/** Expects that instances of two versions see each other's logouts. */
export async function expectToShare(versions: readonly [Version, Version]): Promise<void> {
  const op = await createTestIssuer()
  const instances = versions.map(({ core: { createBackchannelLogout }, store }) => {
    const destroyed: string[] = []
    const subscribed = Promise.withResolvers<void>()
    if (!store.subscribe) subscribed.resolve()
    const logout = createBackchannelLogout({
      issuers: [op.trusted],
      sessionMaxAge: 3600,
      storeTimeout: 10,
      // No poll happens during the test. So only a broadcast can end a watch or drop an "alive" answer.
      pollInterval: 3600,
      recheckAfter: store.subscribe ? 3600 : 0,
      destroySession: (id) => destroyed.push(id),
      store: {
        add: (...args) => store.add(...args),
        values: (keys) => store.values(keys),
        remove: (...args) => store.remove(...args),
        ...(store.publish && { publish: (message) => store.publish!(message) }),
        ...(store.subscribe && {
          async subscribe(listener) {
            const end = await store.subscribe!(listener)
            subscribed.resolve()
            return end
          },
        }),
      },
    })
    return { logout, destroyed, hears: store.subscribe !== undefined, subscribed: subscribed.promise }
  }) as [Instance, Instance]

  const [one, other] = instances
  for (const [here, there, name] of [
    [one, other, 'a'],
    [other, one, 'b'],
  ] as const) {
    const sessionOf = (id: string) => op.session({ sid: `${name} ${id}`, sub: `${name} ${id}` })
    /**
     * Expects that `end` on one instance ends the session on the other instance: in its checks and, with broadcasts, in its open
     * pages.
     */
    const expectToEnd = async (session: core.SessionClaims, end: () => Promise<unknown>): Promise<void> => {
      const ended = new Promise<void>((resolve) => there.logout.watch(session, resolve))
      await there.subscribed
      expect(await there.logout.isLoggedOut(session)).toBe(false)
      await end()
      if (there.hears) await ended
      expect(await there.logout.isLoggedOut(session)).toBe(true)
    }
    const byToken = sessionOf('token')
    const token = await op.logoutToken({ sid: byToken.sid!, sub: byToken.sub })
    expect(await there.logout.trackSession(byToken, name)).toBe(true)
    await expectToEnd(byToken, () => here.logout.receive(token))
    expect(here.destroyed.splice(0)).toEqual([name])
    expect((await there.logout.receive(token)).replayed).toBe(true)
    expect(there.destroyed).toEqual([])

    const byApplication = sessionOf('application')
    await expectToEnd(byApplication, () => here.logout.endSession(byApplication, { key: name }))
    expect((await there.logout.endSession(byApplication, { key: name })).replayed).toBe(true)

    const everywhere = sessionOf('everywhere')
    await expectToEnd(everywhere, () => here.logout.endAllSessions({ iss: everywhere.iss, sub: everywhere.sub }))
  }
  await Promise.all(instances.map(({ logout }) => logout.close()))
}

interface Instance {
  logout: core.BackchannelLogout
  destroyed: string[]
  /** True if the store can subscribe. */
  hears: boolean
  subscribed: Promise<void>
}
