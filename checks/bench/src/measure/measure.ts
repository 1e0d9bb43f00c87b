import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Pair, Ratio } from '../report/results.ts'
import type { Scale } from './scale.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as (options: { type: 'minor' }) => void

/** One of the compared implementations. The time of `run` counts, and the time of `prepare` does not. */
export interface Contender<T> {
  prepare: () => T | Promise<T>
  run: (input: T) => unknown
  /** The number of operations in one run. */
  count: number
}

/** Operations per second, and operations per second of CPU time of the main thread. */
export interface Speed {
  rate: number
  cpuRate?: number
}

/** Returns a quantile: for example, with a share of 0.5, the median. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!]
  return below + (above - below) * (position % 1)
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

export const ratioOf = (ratios: readonly number[]): Ratio => ({
  median: median(ratios),
  low: quantile(ratios, 0.25),
  high: quantile(ratios, 0.75),
})

export function speedOf(count: number, elapsed: number, { user, system }: NodeJS.CpuUsage): Required<Speed> {
  return { rate: (count * 1000) / elapsed, cpuRate: (count * 1_000_000) / (user + system) }
}

/**
 * Measures one burst. Collects only the young garbage before the burst. A full collection would also discard optimized
 * code, because between two bursts there are no objects of some shapes. A server does not discard code so often.
 */
export async function rateOf<T>({ prepare, run, count }: Contender<T>): Promise<Required<Speed>> {
  const input = await prepare()
  collectGarbage({ type: 'minor' })
  const usedBefore = process.threadCpuUsage()
  const startedAt = performance.now()
  await run(input)
  const elapsed = performance.now() - startedAt
  return speedOf(count, elapsed, process.threadCpuUsage(usedBefore))
}

/** Compares two contenders of {@link compare}. The contenders are named by their indexes. */
export type Beside = (name: string, ours: number, peer: number) => Pair

type Rounds = Pick<Scale, 'rounds' | 'warmUps'>

/**
 * Lets contenders take turns in short bursts: A B, B A, A B, and so on. So other work on the machine slows all
 * contenders equally. The first rounds warm up the engine and do not count.
 */
async function takeTurns({ rounds, warmUps }: Rounds, measures: readonly (() => Promise<Speed>)[]): Promise<Speed[][]> {
  const found: Speed[][] = []
  for (let round = -warmUps; round < rounds; round += 1) {
    const speeds: Speed[] = []
    const order = [...measures.keys()]
    for (const index of round % 2 === 0 ? order : order.toReversed()) speeds[index] = await measures[index]!()
    if (round >= 0) found.push(speeds)
  }
  return found
}

/** Summarizes the rounds of {@link takeTurns}. */
function summarize(found: readonly Speed[][]): Beside {
  const rate = (index: number): number => median(found.map((speeds) => speeds[index]!.rate))
  return (name, ours, peer) => {
    const cpu = found.map((speeds) => speeds[ours]!.cpuRate! / speeds[peer]!.cpuRate!)
    return {
      name,
      rates: [rate(ours), rate(peer)],
      speed: ratioOf(found.map((speeds) => speeds[ours]!.rate / speeds[peer]!.rate)),
      ...(cpu.every(Number.isFinite) && { cpu: ratioOf(cpu) }),
    }
  }
}

/** Compares contenders of this process. */
export const compare = async (rounds: Rounds, measures: readonly (() => Promise<Speed>)[]): Promise<Beside> =>
  summarize(await takeTurns(rounds, measures))

/** Contenders in processes of their own. */
export interface Processes {
  measures: readonly (() => Promise<Speed>)[]
  end: () => Promise<unknown>
}

/**
 * Compares contenders that run in processes of their own. Starts new processes several times, because the engine
 * optimizes the same code differently in each process.
 */
export async function compareProcesses(
  { rounds, warmUps, processes }: Rounds & Pick<Scale, 'processes'>,
  start: () => Promise<Processes>,
): Promise<Beside> {
  const found: Speed[][] = []
  for (let count = 0; count < processes; count += 1) {
    const { measures, end } = await start()
    found.push(...(await takeTurns({ rounds: rounds / processes, warmUps }, measures)))
    await end()
  }
  return summarize(found)
}

/** Converts a ratio of rates to the ratio of the costs of one operation. */
export function asCost({ speed, cpu, ...pair }: Pair): Pair {
  const invert = ({ median, low, high }: Ratio): Ratio => ({ median: 1 / median, low: 1 / high, high: 1 / low })
  return { ...pair, speed: invert(speed), ...(cpu && { cpu: invert(cpu) }) }
}

/** Runs `work` for each item of a list. `many` items are in progress at the same time. */
export async function atOnce<T>(many: number, list: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const item = list[next]!
      next += 1
      await work(item)
    }
  }
  await Promise.all(Array.from({ length: many }, worker))
}
