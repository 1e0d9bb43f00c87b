import { fork } from 'node:child_process'
import { once } from 'node:events'
import { compare, type Speed } from './measure.ts'
import type { Scale } from './scale.ts'
import { rate, ratio, type Row, type Section } from './table.ts'

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

export async function measureRemembered(scale: Scale): Promise<Section> {
  const [few, many] = scale.remembered
  const children = await Promise.all([start(many, scale), start(few, scale)])
  const rows: Row[] = []
  for (const what of ['logouts', 'checks']) {
    const { rates, ratios, cpuRatios } = await compare(
      scale.rounds,
      children.map((child) => () => child.measure(what)),
    )
    rows.push([what, rate(rates[0]!), rate(rates[1]!), ratio(ratios[0]!), ratio(cpuRatios[0]!), 'at least 0.50'])
  }
  for (const child of children) child.end()
  const name = (count: number): string => `${count.toLocaleString('en')} remembered`
  return {
    title: 'With much to remember',
    note: 'A process each, taking turns. Logouts are `receive` of HS256 tokens, 32 at a time; checks are `isLoggedOut` one after the other, of sessions of which every second is logged out.',
    columns: [name(many), name(few)],
    rows,
  }
}
