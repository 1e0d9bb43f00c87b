import { defined } from './objects.js'
import { isText } from './options.js'

/** Matches the parts of keys and values that are not claim values: punctuation, the version, and fixed words. */
const fixedPart = /^(?:[[\]{},:]+\d*[[\]{},:]*|logout|session|done|nosid|sid|sub|iss|iat|clientId)?$/
const withheld = '[withheld]'

/**
 * Copies an error, and replaces the claim values in its texts. The driver's own words stay.
 *
 * @param args The arguments of the call that failed. Their texts hold the claim values.
 */
export function withoutClaims(error: unknown, args: readonly unknown[]): Error {
  const escaped = args.join('"')
  const plain = escaped.replace(/\\+u(....)/g, (_, hex) => String.fromCharCode(`0x${hex}` as never))
  // Splits claim values at quotes and backslashes, because drivers escape those in several ways.
  const parts = `${escaped}"${plain}`.split(/[\\"'`]+/).filter((part) => !fixedPart.test(part))
  const times = escaped.match(/\d{5,}/g) ?? []
  const claims = [...new Set([...parts, ...times])].sort((one, other) => other.length - one.length)

  /** Returns `undefined` if no part of the text can be shown. */
  const clean = (text: unknown): string | undefined => {
    if (!isText(text)) return undefined
    let rest = text.slice(0, 10_000)
    for (const claim of claims) {
      if (claim.length > 3) rest = rest.replaceAll(claim, withheld)
      // A short value can be a word of the driver. Its place in a known sentence would reveal it.
      else if ((/\W/.test(claim) ? rest : rest.split(/\W+/)).includes(claim)) return undefined
    }
    // A key that the driver has cut off ends in a part of a claim value.
    return rest.replace(/\[1,\\*"((?!"\]).)*$/gm, withheld)
  }

  const copy = (from: unknown, depth = 0): Error | undefined => {
    if (!from || depth > 3) return undefined
    try {
      const { message = from, name, code, detail, cause } = from as Record<string, unknown>
      const members = { name: clean(name), code: clean(code), detail: clean(detail), cause: copy(cause, depth + 1) }
      return Object.assign(new Error(clean(message) ?? members.code ?? withheld), defined(members))
    } catch {
      // A getter has thrown.
      return undefined
    }
  }
  return copy(error) ?? new Error(withheld)
}
