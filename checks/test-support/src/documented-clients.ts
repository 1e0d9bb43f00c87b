import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { LogoutStore } from '@bcl/core'
import { withTimeout } from '@bcl/core/kit'
import { expect, vi } from 'vitest'
import { codeBlocks } from '../../scripts/code-blocks.ts'
import { eventually } from './eventually.js'
import type { Proxy } from './proxy.js'

const root = resolve(import.meta.dirname, '../../..')

/**
 * The longest time-out in a test, in milliseconds. It replaces longer time-outs in the documented code.
 */
const longest = 1000

const shorten = (code: string): string =>
  code.replace(
    /(\w*(?:time_?out|interval|ttl)\w*\s*[:=]\s*)([\d_]+)/gi,
    (_, name: string, value: string) => name + Math.min(longest, Number(value.replaceAll('_', ''))),
  )

/** Returns each TypeScript block of READMEs, docs and TSDoc that creates a client and a store. */
function documentedBlocks(store: RegExp, client: RegExp): [name: string, code: string][] {
  const exclude = ['**/node_modules/**', 'docs/api/**']
  const files = globSync(['*.md', 'docs/**/*.md', 'packages/*/*.md', 'packages/*/src/**/*.ts'], { cwd: root, exclude })
  return files.toSorted().flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const prose = file.endsWith('.ts') ? text.replace(/^[ \t]*\* ?/gm, '') : text
    return codeBlocks(prose)
      .filter(({ language, code }) => language === 'ts' && store.test(code) && client.test(code))
      .map(({ code }, index): [string, string] => [`${file}, block ${index + 1}`, code])
  })
}

export interface DocumentedClients {
  /**
   * A pattern for the code that makes the store. `client` is a pattern for the code that makes the client. A block of
   * code belongs to this test if it matches both patterns.
   */
  store: RegExp
  client: RegExp
  /** Replaces the addresses in a block by the addresses of the test's servers. */
  redirect(code: string): string
  /** Returns all stores that the blocks have made so far, in the order in which they were made. */
  made(): readonly LogoutStore[]
  /** The proxies between the clients and the server. */
  proxies: readonly Proxy[]
  /**
   * A pattern for the code whose client must also work again after its connections were lost without an error. Limit
   * the pool of the client to two connections in `redirect`, because all connections must be in use when they are lost.
   */
  outlivesLostConnections?: RegExp
}

/** Checks that a store adds, finds and broadcasts. */
async function works(store: LogoutStore, heard: Set<string>): Promise<boolean> {
  const key = `idle-${crypto.randomUUID()}`
  try {
    await store.add(key, 'v', Date.now() / 1000 + 60)
    const [values] = await store.values([key])
    if (store.subscribe) await store.publish!(key)
    if (store.subscribe) await eventually('it hears', () => heard.has(key), 1)
    await store.remove(key, 'v')
    return values![0] === 'v'
  } catch {
    return false
  }
}

/**
 * Runs the documented code that creates clients. Each client must still work after an idle time that is longer than all its
 * time-outs. It must also work again after the server has closed its connections.
 *
 * @returns The names of the blocks.
 */
export async function expectClientsToLast({
  store,
  client,
  redirect,
  made,
  proxies,
  outlivesLostConnections,
}: DocumentedClients): Promise<string[]> {
  const errors: unknown[] = []
  const onError = (error: unknown): void => void errors.push(error)
  process.on('uncaughtException', onError)
  vi.spyOn(console, 'error').mockReturnValue()
  mkdirSync(join(root, 'docs/snippets'), { recursive: true })
  // The folder is inside docs, so that Node.js finds the dependencies of the docs.
  const folder = mkdtempSync(join(root, 'docs/snippets/clients-'))
  try {
    const blocks = documentedBlocks(store, client)
    type Test = typeof works
    type Made = [name: string, ...Parameters<Test>]
    const stores: Made[] = []
    const lasting: Made[] = []
    for (const [index, [name, code]] of blocks.entries()) {
      const file = join(folder, `${index}.ts`)
      writeFileSync(file, `${redirect(shorten(code))}\nexport {}\n`)
      const before = made().length
      await import(/* @vite-ignore */ `/${relative(root, file)}`)
      const own = made().slice(before)
      expect(own, `${name} makes a store`).not.toEqual([])
      const ofBlock = own.map((each): Made => [name, each, new Set()])
      stores.push(...ofBlock)
      if (outlivesLostConnections?.test(code)) lasting.push(...ofBlock)
    }
    await Promise.all(stores.map(([, each, heard]) => each.subscribe?.((message) => heard.add(message))))
    const failing = async (of = stores, test: Test = works): Promise<string[]> => {
      const results = await Promise.all(of.map(([, each, heard]) => test(each, heard)))
      return of.filter((_, index) => !results[index]).map(([name]) => name)
    }
    const expectAllToWork = (when: string, seconds: number, ...args: Parameters<typeof failing>): Promise<void> =>
      eventually(when, async () => (await failing(...args)).length === 0, seconds).catch(async () =>
        expect(await failing(...args), when).toEqual([]),
      )
    await expectAllToWork('at the start', 5)
    await new Promise((resolve) => setTimeout(resolve, 2.5 * longest))
    await expectAllToWork('after idle time', 5)
    // Cuts the connections twice: while commands are in progress, and while the connections are idle.
    const underWay = failing()
    for (const proxy of proxies) proxy.drop()
    await underWay
    await expectAllToWork('after the connections were closed', 10)
    for (const proxy of proxies) proxy.drop()
    await expectAllToWork('after the idle connections were closed', 10)
    // Opens both connections of each pool.
    await Promise.all(lasting.flatMap(([, each]) => [0, 1, 2, 3].map(() => each.values(['key']))))
    for (const proxy of proxies) proxy.lose()
    // A subscription can be lost for a longer time, so the stores need not broadcast. Twelve reads at
    // the same time keep the pool busy. So if a lost connection is still in the pool, one of these reads uses it.
    const answers: Test = (each) =>
      withTimeout(longest / 1000, () => Promise.all(Array.from({ length: 12 }, () => each.values(['key'])))).then(
        () => true,
        () => false,
      )
    await expectAllToWork('after the connections were lost without an error', 20, lasting, answers)
    expect(errors, 'errors that end the process').toEqual([])
    return blocks.map(([name]) => name)
  } finally {
    process.off('uncaughtException', onError)
    rmSync(folder, { recursive: true })
  }
}
