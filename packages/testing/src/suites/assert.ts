/**
 * The function `test` of a test library, as {@link testStore} and {@link testAdapter} need it. `test` of `node:test`,
 * vitest or Jest has this type.
 */
export type TestFunction = (name: string, run: () => Promise<void>) => unknown

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

/** Compares two values by their JSON. `what` is the name of the value in the error. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  assert(found === wanted, `${what}: found ${found}, wanted ${wanted}`)
}

/** Waits until `condition` returns true. `what` is the name of the condition in the error. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 10,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000
  while (!(await condition())) {
    assert(performance.now() < deadline, `${what}: not within ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
