/** An error for the user: one sentence with the problem, and one with the remedy. Any other error is a bug of `bcl`. */
export class CommandError extends Error {
  readonly remedy: string

  constructor(message: string, remedy: string) {
    super(message)
    this.remedy = remedy
  }
}

/** Makes a text start with a capital letter and end with a full stop. */
export const toSentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.?)]$/.test(text) ? '' : '.'}`
