import { styleText } from 'node:util'

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/** Where a command writes to, and whether somebody watches. */
export interface Output {
  out(text: string): void
  /** For what is not the answer: progress, notes and errors. */
  note(text: string): void
  style(style: Style, text: string): string
}

/** Standard output and error. Colours only where both the terminal and its owner want them. */
export function createOutput(): Output {
  const isColoured = process.stdout.isTTY && !process.env['NO_COLOR']
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    style: (style, text) => (isColoured ? styleText(style, text) : text),
  }
}

/** Output that writes all of it to standard error, so that standard output is the answer alone. */
export const aside = (output: Output): Output => ({ ...output, out: output.note })
