import { card, text } from './svg.ts'

/** A message between two parts, an action of one part, or a heading above the next steps. */
type Step =
  | { from: string; to: string; text: string; kind?: 'good' | 'bad' }
  | { at: string; text: string; kind?: 'good' | 'bad' }
  | { heading: string }

export interface Sequence {
  title: string
  description: string
  parts: readonly string[]
  steps: readonly Step[]
}

const width = 880
const top = 84
const stepHeight = 44

/** Draws the messages between the parts. Time runs downwards. */
export function drawSequence({ title, description, parts, steps }: Sequence): string {
  const column = width / parts.length
  const xOf = (part: string): number => {
    const index = parts.indexOf(part)
    if (index === -1) throw new Error(`${title}: there is no part ${part}`)
    return Math.round(column * (index + 0.5))
  }
  const height = top + steps.length * stepHeight + 20
  const half = Math.min(85, Math.round(column / 2 - 8))
  const heads = parts.flatMap((part) => [
    `<path class="line" d="M${xOf(part)} 56V${height - 16}" stroke-dasharray="3 4"/>`,
    `<rect class="box" x="${xOf(part) - half}" y="18" width="${2 * half}" height="38" rx="6"/>`,
    text(xOf(part), 42, part, { anchor: 'middle', bold: true }),
  ])

  function draw(step: Step, index: number): string[] {
    const y = top + index * stepHeight + 18
    if ('heading' in step) {
      const rule = `<path class="line" d="M20 ${y + 8}H${width - 20}"/>`
      return [rule, label(width / 2, y + 12, step.heading, { bold: true })]
    }
    const kind = step.kind === undefined ? {} : { kind: step.kind }
    if ('at' in step) return [label(xOf(step.at), y + 8, step.text, kind)]
    const [x1, x2] = [xOf(step.from), xOf(step.to)]
    const tip = x2 > x1 ? -9 : 9
    return [
      label((x1 + x2) / 2, y - 3, step.text, kind),
      `<path class="arrow" d="M${x1} ${y + 6}H${x2 + tip}" stroke-width="1.5"/>`,
      `<path class="arrow-head" d="M${x2} ${y + 6}l${tip} -5v10z"/>`,
    ]
  }
  return card({ width, height, title, description }, [...heads, ...steps.flatMap(draw)])
}

/** A text on a background that hides the lines behind it. */
function label(x: number, y: number, content: string, options: { bold?: boolean; kind?: 'good' | 'bad' }): string {
  const half = content.length * (options.bold ? 3.7 : 3.5) + 6
  const background = `<rect class="card" stroke="none" style="stroke:none" x="${x - half}" y="${y - 13}" width="${2 * half}" height="18"/>`
  return background + text(x, y, content, { anchor: 'middle', size: 13, ...options })
}
