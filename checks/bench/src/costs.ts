import { MemoryStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { Session, type Profiler } from 'node:inspector/promises'
import { atOnce } from './measure.ts'
import type { Scale } from './scale.ts'
import type { Row, Section } from './table.ts'
import { createReceiver, signTokens } from './tokens.ts'

/** Where a function stands, and what its time counts as; the first that fits. What none fits counts as its caller's. */
const groups: readonly [where: RegExp, what: string][] = [
  [/^node:internal\/crypto\//, "WebCrypto: handing over the signature's job"],
  [/\/jose\//, 'jose'],
  [/core\/dist\/(?:compact|verify-|logout-token|issuer|trusted-)/, 'verification of ours'],
  [/core\/dist\/markers/, 'keys and values as text'],
  [/core\/dist\/memory-store/, '`MemoryStore`'],
  [/core\/dist\/(?:time|bound-store|pending-)/, 'bounds in time, retries, waiting markers'],
  [/core\/dist\//, 'the rest of the library'],
]
const collector = 'the garbage collector'
const engine = 'the engine: promises, and what has no name'
const names = [...groups.map(([, what]) => what), collector, engine]

/** Microseconds by group. */
function sum({ nodes, samples, timeDeltas }: Profiler.Profile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const parents = new Map(nodes.flatMap(({ id, children }) => (children ?? []).map((child) => [child, id])))
  const groupOf = (id: number): string | undefined => {
    const { functionName, url } = byId.get(id)!.callFrame
    if (functionName === '(idle)') return undefined
    if (functionName === '(garbage collector)') return collector
    const parent = parents.get(id)
    return groups.find(([where]) => where.test(url))?.[1] ?? (parent === undefined ? engine : groupOf(parent))
  }
  const times = new Map<string, number>()
  samples!.forEach((id, index) => {
    const group = groupOf(id)
    if (group) times.set(group, (times.get(group) ?? 0) + timeDeltas![index]!)
  })
  return times
}

/** Profiles the second half of the work, when the engine knows it. */
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
  const all = [...times.values()].reduce((one, other) => one + other, 0)
  return (name: string): string => {
    const time = times.get(name) ?? 0
    return `${(time / half).toFixed(2)} µs, ${Math.round((100 * time) / all)} %`
  }
}

export async function measureCosts({ rounds, tokens, checks }: Scale): Promise<Section> {
  const op = await createTestIssuer()
  const logout = createReceiver(op, new MemoryStore())
  const receive = await profile(await signTokens(op, 2 * rounds * tokens), 32, (token) => logout.receive(token))
  const sessions = Array.from({ length: 2 * checks }, (_, index) =>
    op.session({ sub: `sub-${index}`, sid: `sid-${index}` }),
  )
  const check = await profile(sessions, 1, (session) => logout.isLoggedOut(session))
  return {
    title: 'What costs most',
    note: 'By the profiler, on the main thread, for each: RS256 tokens, 32 at a time, and sessions that are alive, one after the other. The signature itself is checked on another thread.',
    columns: ['receive', 'isLoggedOut'],
    rows: names.map((name): Row => [name, receive(name), check(name), '', '', '']),
  }
}
