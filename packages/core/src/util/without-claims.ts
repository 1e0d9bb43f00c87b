import { defined } from './objects.js'
import { isText } from './options.js'

/**
 * Matches a part of a stored key or value if the part is not a claim value: punctuation, also with a version or a time, or a
 * fixed word.
 */
const fixedPart = /^(?:[[\]{},:]+(?:(?:[01]|\d{5,})[[\]{},:]*)?|logout|session|done|nosid|sid|sub|iss|iat|clientId)?$/
const withheld = '[withheld]'
/** The largest number of claim values that are searched for. */
const maxClaims = 50
/** The largest length of the keys and values together. */
const maxClaimsLength = 4000
/** The largest length of an error text. */
const maxLength = 10_000

/** If a key or value in a line is cut off, withholds the line from the start of that key or value. */
function withoutCutEntry(line: string): string {
  const parts = line.split(/(?=\[(?:1,)?\\*")/)
  const cut = parts.findIndex((part) => /^\[(?:1,)?\\*"/.test(part) && !/(?:"}?|withheld]}?)]/.test(part))
  return cut < 0 ? line : parts.slice(0, cut).join('') + withheld
}

/**
 * Copies an error, and replaces the claim values in its texts. Keeps the other words.
 *
 * @param args The arguments of the failed call. They contain the claim values.
 */
export function withoutClaims(error: unknown, args: readonly unknown[]): Error {
  const escaped = args.join('"')
  const hidden = new Error(withheld)
  // An attacker can choose the issuer of a token. Many or long parts would cost too much time.
  if (escaped.length > maxClaimsLength) return hidden
  const plain = escaped.replace(/(?<!\\)\\+u(....)/g, (_, hex) => String.fromCharCode(`0x${hex}` as never))
  // Splits claim values at quotes and backslashes, because drivers escape these characters in several ways.
  const parts = `${escaped}"${plain}`.split(/[\\"'`]/).filter((part) => !fixedPart.test(part))
  const times = escaped.match(/\d{5,}/g) ?? []
  const claims = [...new Set([...parts, ...times])].sort((one, other) => other.length - one.length)
  if (claims.length > maxClaims) return hidden

  /** Returns `undefined` if no part of the text may be shown. */
  const clean = (text: unknown): string | undefined => {
    if (!isText(text)) return undefined
    const whole = text.slice(0, maxLength)
    // The parts between the claim values. If `[withheld]` were put in now, claim values such as `held` would be found in it again
    // and again, and the text would grow without limit.
    let rest = [whole]
    for (const claim of claims) {
      if (claim.length > 3) rest = rest.flatMap((part) => part.split(claim))
      // A short claim value can equal a word of the driver. Then the position of a replacement would reveal the value.
      // So the whole text is withheld.
      else if ((/\W/.test(claim) ? whole : whole.split(/\W/)).includes(claim)) return undefined
    }
    // If the driver has cut off a key or a value, its end is an incomplete claim value.
    return rest.join(withheld).split('\n').map(withoutCutEntry).join('\n')
  }

  const copy = (from: unknown, depth = 0): Error | undefined => {
    if (!from || depth > 3) return undefined
    try {
      const { message = from, name, code, detail, cause } = from as Record<string, unknown>
      const members = { name: clean(name), code: clean(code), detail: clean(detail), cause: copy(cause, depth + 1) }
      return Object.assign(
        new Error(clean(message) ?? members.code ?? ((message === '' && members.name) || withheld)),
        defined(members),
      )
    } catch {
      // A getter threw an error.
    }
    return undefined
  }
  return copy(error) ?? hidden
}
