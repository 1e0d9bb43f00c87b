import { InvalidArgumentError } from 'commander'
import { isAlgorithm } from '../inspect/jws-algorithm.js'

function parseAddress(text: string, protocols: readonly string[], example: string): URL {
  if (!URL.canParse(text)) throw new InvalidArgumentError(`It must be a URL, such as ${example}.`)
  const url = new URL(text)
  if (!protocols.includes(url.protocol)) throw new InvalidArgumentError(`It must start with ${protocols.join(' or ')}.`)
  return url
}

export function parseUrl(text: string): string {
  const { hash } = parseAddress(text, ['http:', 'https:'], 'http://127.0.0.1:3001/logout')
  if (hash !== '' || text.endsWith('#'))
    throw new InvalidArgumentError('It must have no fragment. Remove the # and the text after it.')
  return text
}

export function parseRedisUrl(text: string): string {
  const { username, password } = parseAddress(text, ['redis:', 'rediss:'], 'redis://127.0.0.1:6379')
  try {
    decodeURIComponent(username + password)
  } catch {
    throw new InvalidArgumentError('Its user name and password must be percent-encoded.')
  }
  return text
}

export function parseAlgorithm(text: string): string {
  if (isAlgorithm(text)) return text
  throw new InvalidArgumentError('It must be a signature algorithm in the spelling of the standards, such as RS256.')
}

/**
 * Parses the algorithm of the provider's keys. It must be an asymmetric algorithm that Web Crypto supports on every
 * runtime.
 */
export function parseKeyAlgorithm(text: string): string {
  if (/^(?:[RPE]S(?:256|384|512)|EdDSA)$/.test(text)) return text
  throw new InvalidArgumentError('It must be RS256, PS256, ES256, EdDSA or one of their longer forms.')
}

export function parseCookie(text: string, earlier: readonly string[] = []): string[] {
  if (/^[^=;\s]+=[^;\s]*$/.test(text)) return [...earlier, text]
  throw new InvalidArgumentError('It must be name=value, as in the header Cookie.')
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a whole number up to 65535. With 0, the system chooses a free port.')
}

export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (Number.isFinite(seconds) && seconds > 0) return seconds
  throw new InvalidArgumentError('It must be a number of seconds greater than 0.')
}

/** Collects the values of an option that can be repeated. One value can also be a list with commas between its parts. */
export const collect = (text: string, earlier: readonly string[] = []): string[] => [...earlier, ...text.split(',')]

/**
 * Parses `name=value` and adds the claim to the earlier claims. Parses the value as JSON. A value that is not JSON
 * stays a text.
 */
export function parseClaim(text: string, earlier: object = {}): object {
  const equals = text.indexOf('=')
  if (equals < 1) throw new InvalidArgumentError('It must be name=value, such as --claim acr=1.')
  return { ...earlier, [text.slice(0, equals)]: parseJsonOrText(text.slice(equals + 1)) }
}

function parseJsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
