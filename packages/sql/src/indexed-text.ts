/** Printable ASCII that fits every database's index: two such columns are a primary key. */
const indexable = /^[\x20-\x7e]{0,255}$/
const hashed = 'sha256:'

/** The SHA-256 of a text, in hexadecimal. */
export async function sha256(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const isIndexable = (text: string): boolean => indexable.test(text) && !text.startsWith(hashed)

/** What a key or value is known by: itself, or its hash where it is long. No two share one. */
export const identify = (text: string): string | Promise<string> =>
  isIndexable(text) ? text : sha256(text).then((hash) => hashed + hash)

/** The same, of many; without a wait where none is long. */
export const identifyAll = (texts: readonly string[]): readonly string[] | Promise<string[]> =>
  texts.every(isIndexable) ? texts : Promise.all(texts.map(identify))
