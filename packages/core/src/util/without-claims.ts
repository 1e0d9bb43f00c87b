import { defined } from './objects.js'
import { isText } from './options.js'

/** Pieces of keys and values that are not claim values. */
const ours = /^(?:[[\]{},:]+\d*[[\]{},:]*|logout|session|done|nosid|sid|sub|iss|iat|clientId)?$/
const withheld = '[withheld]'

/**
 * A copy of an error without the claim values that it was asked for. The driver's own words stay.
 *
 * @param asked The texts with the claim values: keys, values, a message or an issuer.
 */
export function withoutClaims(error: unknown, asked: readonly string[]): Error {
  const escaped = asked.join('"')
  const plain = escaped.replace(/\\+u(....)/g, (_, hex) => String.fromCharCode(`0x${hex}` as never))
  // Claim values are split at quotes and backslashes, because drivers escape those in several ways.
  const texts = `${escaped}"${plain}`.split(/[\\"'`]+/).filter((piece) => !ours.test(piece))
  const times = escaped.match(/\d{5,}/g) ?? []
  const pieces = [...new Set([...texts, ...times])].sort((one, other) => other.length - one.length)

  /** `undefined` if nothing can be shown. */
  const clean = (text: unknown): string | undefined => {
    if (!isText(text)) return undefined
    let rest = text.slice(0, 10_000)
    for (const piece of pieces) {
      if (piece.length > 3) rest = rest.replaceAll(piece, withheld)
      // A short value can be a word of the driver. Its place in a known sentence would tell it.
      else if ((/\W/.test(piece) ? rest : rest.split(/\W+/)).includes(piece)) return undefined
    }
    // A key that the driver has cut off ends in a part of a claim value.
    return rest.replace(/\[1,\\*"((?!"\]).)*$/gm, withheld)
  }

  const copy = (from: unknown, depth: number): Error | undefined => {
    if (!from || depth > 3) return undefined
    try {
      const { message = from, name, code, detail, cause } = from as Record<string, unknown>
      const members = {
        name: clean(name),
        code: clean(code),
        detail: clean(detail),
        cause: copy(cause, depth + 1),
      }
      return Object.assign(new Error(clean(message) ?? members.code ?? withheld), defined(members))
    } catch {
      // A getter has thrown.
      return undefined
    }
  }
  return copy(error, 0) ?? new Error(withheld)
}
