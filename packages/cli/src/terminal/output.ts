import { styleText } from 'node:util'
import type { WriteStream } from 'node:tty'

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/** What a command writes to. */
export interface Channel {
  write(text: string): void
  /** In colour, where somebody watches who wants it. */
  style(style: Style, text: string): string
}

export interface Output {
  /** For the answer. */
  out: Channel
  /** For what is not the answer: notes and errors. */
  notes: Channel
  /** Shows what goes on, until something is written; on a terminal alone. */
  progress(text: string): void
}

/** Standard output and standard error, each with colours and progress only where it is a terminal. */
export function createOutput(stdout: WriteStream = process.stdout, stderr: WriteStream = process.stderr): Output {
  let isShown = false
  const clear = (): void => {
    if (isShown) stderr.write('\r\u001b[2K')
    isShown = false
  }
  const channel = (stream: WriteStream): Channel => {
    // It knows of NO_COLOR and of terminals that have none.
    const isColoured = stream.isTTY && stream.hasColors()
    return {
      write(text) {
        clear()
        stream.write(`${text}\n`)
      },
      style: (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text),
    }
  }
  return {
    out: channel(stdout),
    notes: channel(stderr),
    progress(text) {
      if (!stderr.isTTY) return
      clear()
      stderr.write(text.slice(0, (stderr.columns || 80) - 1))
      isShown = true
    },
  }
}
