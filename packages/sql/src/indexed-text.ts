/**
 * Matches texts that an index column can store unchanged: printable ASCII of at most 255 characters. Two columns of this
 * size fit into a primary key.
 */
const indexable = /^[\x20-\x7e]{0,255}$/
const hashPrefix = 'sha256:'

/** Returns the SHA-256 of a text, in hexadecimal. */
export async function sha256(text: string): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const isIndexable = (text: string): boolean => indexable.test(text) && !text.startsWith(hashPrefix)

/**
 * Returns the form of a text in an index column: the text, or its hash if the text does not fit or looks like a
 * hash. Different texts have different forms.
 */
export const indexedText = (text: string): string | Promise<string> =>
  isIndexable(text) ? text : sha256(text).then((hash) => hashPrefix + hash)

/** Returns the forms of several texts. Returns no promise if no text needs a hash. */
export const indexedTexts = (texts: readonly string[]): readonly string[] | Promise<string[]> =>
  texts.every(isIndexable) ? texts : Promise.all(texts.map(indexedText))
