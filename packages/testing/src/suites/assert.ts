/** What the shared suites are written with, so that they need no test library of their own. */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** Compares by JSON. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  assert(found === wanted, `${what}: found ${found}, wanted ${wanted}`)
}

/** Waits until `condition` holds; `what` says for what, should it never. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 10,
): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!(await condition())) {
    assert(performance.now() < end, `${what}: not within ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
