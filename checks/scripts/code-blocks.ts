/** A code block of a Markdown text. */
export interface CodeBlock {
  language: string
  /** The file name. It is set if the paragraph before the block starts with a name in backticks and ends with a colon. */
  name?: string
  code: string
}

/** Returns the code blocks of a Markdown text in their order. */
export function codeBlocks(text: string): CodeBlock[] {
  const blocks = text.matchAll(/(?:^`([^`\n]*\.\w+)`(?:.+\n)*?.*:\n\n)?^```(\w+)\n([\s\S]*?)^```/gm)
  return [...blocks].map(([, name, language, code]) => ({ language: language!, ...(name && { name }), code: code! }))
}

/** Returns the code in backticks of the bullets that begin with `start`. Throws if no code matches the pattern. */
export function bulletCode(text: string, start: string, pattern: RegExp): [string, ...string[]] {
  const bullets = text.split(/^- /m).filter((bullet) => bullet.startsWith(start))
  const [first, ...others] = bullets
    .flatMap((bullet) => [...bullet.matchAll(/`([^`]+)`/g)])
    .map(([, code]) => code!)
    .filter((code) => pattern.test(code))
  if (first === undefined) throw new Error(`no code ${pattern} in a bullet "${start}"`)
  return [first, ...others]
}

/** Replaces a text that the code contains exactly once. */
export function replaceOnce(code: string, old: string, by: string): string {
  if (code.split(old).length !== 2) throw new Error(`not exactly one ${old} in the code`)
  return code.replace(old, () => by)
}
