// Control characters, and those that turn the direction of text: a token is somebody else's, and a terminal obeys them.
const unprintable = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** A value as JSON on one line that does nothing to a terminal. */
export function show(value: unknown): string {
  // JSON can spell a number, 1e999, that JavaScript writes as null.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return (JSON.stringify(value) ?? 'nothing').replaceAll(unprintable, escape)
}
