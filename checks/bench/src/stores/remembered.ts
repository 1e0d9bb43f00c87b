import { fork } from 'node:child_process'
import { once } from 'node:events'
import { compare, type Speed } from '../measure/measure.ts'
import type { Pair } from '../report/results.ts'
import type { Scale } from '../measure/scale.ts'

interface Child {
  measure(what: string): Promise<Speed>
  end(): void
}

async function start(remembered: number, { tokens, checks }: Scale): Promise<Child> {
  const file = new URL('remembered-child.ts', import.meta.url)
  const child = fork(file, [remembered, tokens, checks].map(String), { execArgv: ['--max-old-space-size=4096'] })
  const answer = async (): Promise<unknown> => (await once(child, 'message'))[0]
  await answer()
  return {
    async measure(what) {
      child.send(what)
      return (await answer()) as Speed
    },
    end: () => void child.kill(),
  }
}

/** Compares a receiver that remembers many logouts with a receiver that remembers few logouts. Each has its own process. */
export async function measureRemembered(scale: Scale): Promise<Pair[]> {
  const [few, many] = scale.remembered
  const children = await Promise.all([start(many, scale), start(few, scale)])
  const rows: Pair[] = []
  for (const what of ['logouts', 'checks']) {
    const beside = await compare(
      scale,
      children.map((child) => () => child.measure(what)),
    )
    rows.push(beside(what, 0, 1))
  }
  for (const child of children) child.end()
  return rows
}
