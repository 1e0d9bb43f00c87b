// Draws charts of the sections that compare speeds.
import { card, text } from '../../../../docs/.vitepress/pictures/svg.ts'
import type { Pair, Row } from './results.ts'
import type { SectionName } from '../sections.ts'

interface Chart {
  title: string
  names: readonly [ours: string, peer: string]
  alternative: string
}

/** The sections that have a chart. */
export const charts: Partial<Record<SectionName, Chart>> = {
  endpoint: {
    title: 'Logouts per second at the endpoint',
    names: ['this library', 'express-openid-connect'],
    alternative: 'Bars: logouts per second of each adapter, and of express-openid-connect',
  },
  pages: {
    title: 'Pages per second, with and without the check of a session',
    names: ['with the check', 'without the check'],
    alternative: 'Bars: pages per second with the check of a session, and without it',
  },
  stores: {
    title: 'Checks per second, and bare commands of the driver',
    names: ['this library', 'the driver alone'],
    alternative: 'Bars: checks per second with each driver, and bare commands of the driver',
  },
}

export const chartFile = (name: string): string => `benchmarks-${name}.svg`

const width = 880
const left = 290
const barHeight = 14
const rowHeight = 44
const count = (value: number): string => Math.round(value).toLocaleString('en')

/** Draws two horizontal bars for each row. All bars have one scale, which begins at 0. */
export function drawChart({ title, names, alternative }: Chart, rows: readonly Row[]): string {
  const pairs = rows as readonly Pair[]
  const most = Math.max(...pairs.flatMap(({ rates }) => rates))
  const length = (rate: number): number => Math.round((rate / most) * (width - left - 110))
  const bar = (y: number, rate: number, kind: 'good' | 'peer'): string =>
    `<rect class="${kind}" x="${left}" y="${y}" width="${length(rate)}" height="${barHeight}" rx="2"/>` +
    text(left + length(rate) + 8, y + 12, `${count(rate)}/s`, { size: 12, kind: 'quiet' })
  const legend = names.map(
    (name, index) =>
      `<rect class="${index === 0 ? 'good' : 'peer'}" x="${left + index * 200}" y="47" width="12" height="12" rx="2"/>` +
      text(left + 18 + index * 200, 58, name, { size: 13 }),
  )
  const bars = pairs.flatMap(({ name, rates }, index) => {
    const y = 76 + index * rowHeight
    const label = text(left - 14, y + 20, name.replaceAll('`', ''), { anchor: 'end', size: 13 })
    return [label, bar(y, rates[0], 'good'), bar(y + barHeight + 2, rates[1], 'peer')]
  })
  const height = 76 + pairs.length * rowHeight + 12
  return card({ width, height, title, description: alternative }, [
    text(20, 32, title, { bold: true, size: 16 }),
    ...legend,
    ...bars,
  ])
}
