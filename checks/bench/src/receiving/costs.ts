import { MemoryStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { readdirSync } from 'node:fs'
import { Session, type Profiler } from 'node:inspector/promises'
import { atOnce } from '../measure/measure.ts'
import { many } from './receive.ts'
import type { Figures } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'
import { createReceiver, signTokens } from '../measure/tokens.ts'

const ofFolder = (folder: string): string => `core: \`${folder}/\``
/** The folders of core. Each folder has its own row. */
const folders = readdirSync(new URL('.', import.meta.resolve('@bcl/core')), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
const ownFiles = 'core: files outside folders'
const collector = 'garbage collection'
const engine = 'promises, and code of Node.js without a name'
const webCrypto = 'WebCrypto: the transfer of the signature to another thread'
const names = [webCrypto, 'jose', ...folders.map(ofFolder), ownFiles, collector, engine]

/** Returns the row of a function by the file of the function. A function without a row counts as part of its caller. */
function rowOf(url: string): string | undefined {
  if (url.startsWith('node:internal/crypto/')) return webCrypto
  if (url.includes('/jose/')) return 'jose'
  const [, folder, file] = /core\/dist\/(?:(\w+)\/)?([\w-]+)\.js$/.exec(url) ?? []
  if (folder) return ofFolder(folder)
  return file && ownFiles
}

/** Returns the microseconds of each row. */
function sum({ nodes, samples, timeDeltas }: Profiler.Profile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id])))
  const groupOf = (id: number): string | undefined => {
    const { functionName, url } = byId.get(id)!.callFrame
    if (functionName === '(idle)') return undefined
    if (functionName === '(garbage collector)') return collector
    const parent = parents.get(id)
    return rowOf(url) ?? (parent === undefined ? engine : groupOf(parent))
  }
  const times = new Map<string, number>()
  samples!.forEach((id, index) => {
    const group = groupOf(id)
    if (group) times.set(group, (times.get(group) ?? 0) + timeDeltas![index]!)
  })
  return times
}

/** Profiles the second half of the work. The first half warms the engine up. */
async function profile<T>(list: readonly T[], many: number, work: (item: T) => Promise<unknown>) {
  const half = list.length / 2
  await atOnce(many, list.slice(0, half), work)
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 100 })
  await session.post('Profiler.start')
  await atOnce(many, list.slice(half), work)
  const { profile: found } = await session.post('Profiler.stop')
  session.disconnect()
  const times = sum(found)
  return (name: string): number => (times.get(name) ?? 0) / half
}

/** Returns the time of the main thread for one call, in microseconds, for each part of the code. */
export async function measureCosts({ rounds, tokens, checks }: Scale): Promise<Figures[]> {
  const op = await createTestIssuer()
  const logout = createReceiver(op, new MemoryStore())
  const receive = await profile(await signTokens(op, Math.ceil(rounds / 4) * tokens), many, (token) =>
    logout.receive(token),
  )
  const sessions = Array.from({ length: 4 * checks }, (_, index) =>
    op.session({ sub: `sub-${index}`, sid: `sid-${index}` }),
  )
  const check = await profile(sessions, 1, (session) => logout.isLoggedOut(session))
  return names.map((name) => ({ name, values: [receive(name), check(name)] }))
}
