import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Something to be timed. What `prepare` makes for a round is not. */
export interface Contender<T> {
  prepare: () => T | Promise<T>
  run: (input: T) => unknown
  /** Operations in one run. */
  count: number
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Operations per second of the clock, and per second of processor time, which other work on the machine changes less. */
export interface Speed {
  rate: number
  cpuRate: number
}

/** How fast a contender is, without the garbage of what came before. */
export async function rateOf<T>({ prepare, run, count }: Contender<T>): Promise<Speed> {
  const input = await prepare()
  collectGarbage()
  const usedBefore = process.cpuUsage()
  const startedAt = performance.now()
  await run(input)
  const elapsed = performance.now() - startedAt
  const { user, system } = process.cpuUsage(usedBefore)
  return { rate: (count * 1000) / elapsed, cpuRate: (count * 1_000_000) / (user + system) }
}

/** Rates in operations per second, and ours by the peer's: medians of the ratios within a round. */
export interface Beside {
  rates: [ours: number, peer: number]
  ratio: number
  /** The same of processor time. */
  cpuRatio: number
}

export interface Comparison {
  /** Operations per second, medians in the order of the contenders. */
  rates: number[]
  /** Each contender's rate by that of the last, which is the peer: medians of the ratios within a round. */
  ratios: number[]
  /** The same of processor time. */
  cpuRatios: number[]
  /** One contender beside another. */
  beside(ours: number, peer: number): Beside
}

/**
 * Has contenders take turns, so that what else the machine does hits all of them alike: A B, B A, A B, and so on, after
 * three rounds that do not count.
 */
export async function compare(rounds: number, measures: readonly (() => Promise<Speed>)[]): Promise<Comparison> {
  const found: Speed[][] = []
  for (let round = -3; round < rounds; round += 1) {
    const speeds: Speed[] = []
    const order = [...measures.keys()]
    for (const index of round % 2 === 0 ? order : order.toReversed()) speeds[index] = await measures[index]!()
    if (round >= 0) found.push(speeds)
  }
  const each = (figure: (speeds: Speed[], index: number) => number): number[] =>
    measures.map((_, index) => median(found.map((speeds) => figure(speeds, index))))
  const rates = each((speeds, index) => speeds[index]!.rate)
  return {
    rates,
    ratios: each((speeds, index) => speeds[index]!.rate / speeds.at(-1)!.rate),
    cpuRatios: each((speeds, index) => speeds[index]!.cpuRate / speeds.at(-1)!.cpuRate),
    beside: (ours, peer) => ({
      rates: [rates[ours]!, rates[peer]!],
      ratio: median(found.map((speeds) => speeds[ours]!.rate / speeds[peer]!.rate)),
      cpuRatio: median(found.map((speeds) => speeds[ours]!.cpuRate / speeds[peer]!.cpuRate)),
    }),
  }
}

/** Works through a list, so many at a time. */
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
