import { InvalidArgumentError } from 'commander'
import { isAlgorithm } from '../inspect/jws-algorithm.js'

function parseAddress(text: string, protocols: readonly string[], example: string): URL {
  if (!URL.canParse(text)) throw new InvalidArgumentError(`It must be a URL, such as ${example}.`)
  const url = new URL(text)
  const isOne = protocols.includes(url.protocol)
  if (!isOne) throw new InvalidArgumentError(`It must begin with ${protocols.join(' or ')}.`)
  return url
}

export function parseUrl(text: string): string {
  const { hash } = parseAddress(text, ['http:', 'https:'], 'http://127.0.0.1:3001/logout')
  if (hash !== '' || text.endsWith('#'))
    throw new InvalidArgumentError('It must have no fragment: leave out the # and what follows.')
  return text
}

export function parseRedisUrl(text: string): string {
  parseAddress(text, ['redis:', 'rediss:'], 'redis://127.0.0.1:6379')
  return text
}

export function parseAlgorithm(text: string): string {
  if (isAlgorithm(text)) return text
  throw new InvalidArgumentError('It must be an algorithm that signs, such as RS256, as the standards spell it.')
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('It must be a whole number up to 65535; 0 takes any that is free.')
}

export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (Number.isFinite(seconds) && seconds > 0) return seconds
  throw new InvalidArgumentError('It must be a number of seconds, above 0.')
}

/** For an option that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): string[] => [...before, ...text.split(',')]

/** `name=value`, where the value is JSON if it can be, and text otherwise. */
export function parseClaim(text: string, before: object = {}): object {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be name=value, such as --claim acr=1.')
  return { ...before, [text.slice(0, at)]: jsonOrText(text.slice(at + 1)) }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
