/** What went wrong, in a sentence, and what to do about it. Nothing else that is thrown is meant for users. */
export class Problem extends Error {
  readonly remedy: string

  constructor(what: string, remedy: string) {
    super(what)
    this.remedy = remedy
  }
}

/** Begins with a capital, and ends with a full stop. */
export const sentence = (text: string): string =>
  `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.?)]$/.test(text) ? '' : '.'}`
