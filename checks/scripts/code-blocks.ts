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
