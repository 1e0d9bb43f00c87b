import { readText } from '@bcl/core/kit'

/** The largest answer of a provider or an endpoint, in bytes. `@bcl/core` reads no larger answer of a provider. */
const maxBytes = 256 * 1024

/**
 * Reads the body of an answer.
 *
 * @throws {Error} if the body is larger than 256 KiB.
 */
export async function readAnswer({ body }: Response): Promise<string> {
  const text = await readText(body ?? [], maxBytes)
  if (text === undefined) throw new Error('the answer is larger than 256 KiB')
  return text
}
