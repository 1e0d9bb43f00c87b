/** A source of random numbers. The same seed gives the same numbers. */
export interface Random {
  /** Returns a whole number from 0 to `below` - 1. */
  number(below: number): number
  /** Returns true in the given percentage of calls. */
  chance(percent: number): boolean
  pick<T>(list: readonly T[]): T
}

/**
 * Implements the generator SFC32. Its state comes from the seed and the number of the input, so you can repeat one input alone.
 */
export function createRandom(seed: number, index: number): Random {
  let [a, b, c, counter] = [seed | 0, index | 0, Math.trunc(index / 2 ** 32) | 0, 1]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return sum >>> 0
  }
  for (let times = 0; times < 12; times += 1) next()
  return {
    number: (below) => Math.floor((next() / 2 ** 32) * below),
    chance: (percent) => next() / 2 ** 32 < percent / 100,
    pick: (list) => list[Math.floor((next() / 2 ** 32) * list.length)]!,
  }
}
