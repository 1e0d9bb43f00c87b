import { styleText } from 'node:util'
import type { WriteStream } from 'node:tty'

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/** A stream that a command writes to. */
export interface Channel {
  /** Writes a text and a line feed. */
  write(text: string): void
  /** Adds colour to a text if the stream is a terminal that shows colours. */
  style(style: Style, text: string): string
}

export interface Output {
  /** Standard output, for the result of the command. */
  out: Channel
  /** Standard error, for notes and errors. */
  notes: Channel
  /** Shows the progress on a terminal. The next printed text replaces the progress. */
  progress(text: string): void
}

/** Creates the output of a command. A stream has colours only if it is a terminal. */
export function createOutput(stdout: WriteStream = process.stdout, stderr: WriteStream = process.stderr): Output {
  let isProgressShown = false
  const clearProgress = (): void => {
    if (isProgressShown) stderr.write('\r\u001b[2K')
    isProgressShown = false
  }
  const createChannel = (stream: WriteStream): Channel => {
    // `hasColors` checks NO_COLOR and the type of the terminal.
    const hasColours = stream.isTTY && stream.hasColors()
    return {
      write(text) {
        clearProgress()
        stream.write(`${text}\n`)
      },
      style: (style, text) => (hasColours ? styleText(style, text, { validateStream: false }) : text),
    }
  }
  return {
    out: createChannel(stdout),
    notes: createChannel(stderr),
    progress(text) {
      if (!stderr.isTTY) return
      clearProgress()
      stderr.write(text.slice(0, (stderr.columns || 80) - 1))
      isProgressShown = true
    },
  }
}
