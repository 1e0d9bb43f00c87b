// Matches control characters, and characters that change the direction of text. They can change what a terminal shows, and an
// attacker may have written the token.
const unsafeCharacters = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/**
 * Returns a text unchanged, and any other value as an empty text. Use it for a value that somebody else has sent, because
 * `String` throws for some values that JSON can hold, such as `{ "toString": 1 }`.
 */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Formats a value as JSON on one line. The result is safe to print on a terminal. */
export function formatValue(value: unknown): string {
  // `JSON.parse` reads 1e999 as Infinity. `JSON.stringify` would print null for Infinity.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return (JSON.stringify(value) ?? 'nothing').replaceAll(unsafeCharacters, escape)
}
