import { styleText } from 'node:util'
import type { WriteStream } from 'node:tty'

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'

/**
 * Matches control characters that can change the text on a terminal. A provider or an endpoint may have sent them. Line
 * ends, tabs and the colours of `style` are safe, so they do not match.
 */
const unsafeCharacters =
  // oxlint-disable-next-line no-control-regex -- the pattern must match control characters
  /\r(?!\n)|\u001b(?!\[(?:1|2|22|3\d)m)|[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

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
        stream.write(`${text.replaceAll(unsafeCharacters, escape)}\n`)
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
