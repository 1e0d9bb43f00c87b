import { defined } from './objects.js'
import { isText } from './options.js'

/** Matches the parts of keys and values that are not claim values: punctuation, the version, and fixed words. */
const fixedPart = /^(?:[[\]{},:]+\d*[[\]{},:]*|logout|session|done|nosid|sid|sub|iss|iat|clientId)?$/
const withheld = '[withheld]'
/** The most claim values that are searched for, the longest text that holds them, and the longest text that is shown. */
const maxClaims = 50
const maxClaimsLength = 4000
const maxLength = 10_000

/** Withholds the rest of a line from its last key on, if the key does not end in the line. */
function withoutCutKey(line: string): string {
  const end = line.lastIndexOf('"]') + 1
  const start = line.slice(end).search(/\[1,\\*"/)
  return start < 0 ? line : line.slice(0, end + start) + withheld
}

/**
 * Copies an error, and replaces the claim values in its texts. The driver's own words stay.
 *
 * @param args The arguments of the call that failed. Their texts hold the claim values.
 */
export function withoutClaims(error: unknown, args: readonly unknown[]): Error {
  const escaped = args.join('"')
  const plain = escaped.replace(/(?<!\\)\\+u(....)/g, (_, hex) => String.fromCharCode(`0x${hex}` as never))
  // Splits claim values at quotes and backslashes, because drivers escape those in several ways.
  const parts = `${escaped}"${plain}`.split(/[\\"'`]+/).filter((part) => !fixedPart.test(part))
  const times = escaped.match(/\d{5,}/g) ?? []
  const claims = [...new Set([...parts, ...times])].sort((one, other) => other.length - one.length)
  // A stranger can choose the issuer of a token. Many parts, or long ones, would cost more than the message is worth.
  const isTooLarge = claims.length > maxClaims || escaped.length > maxClaimsLength

  /** Returns `undefined` if no part of the text can be shown. */
  const clean = (text: unknown): string | undefined => {
    if (!isText(text) || isTooLarge) return undefined
    let rest = text.slice(0, maxLength)
    const words = new Set(rest.split(/\W+/))
    for (const claim of claims) {
      if (claim.length > 3) rest = rest.replaceAll(claim, withheld)
      // A short value can be a word of the driver. Its place in a known sentence would reveal it.
      else if (/\W/.test(claim) ? rest.includes(claim) : words.has(claim)) return undefined
    }
    // A key that the driver has cut off ends in a part of a claim value.
    return rest.split('\n').map(withoutCutKey).join('\n')
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
