import { InvalidArgumentError } from 'commander'

export function parseUrl(text: string): string {
  if (!URL.canParse(text)) throw new InvalidArgumentError('It must be a URL, such as http://127.0.0.1:3001/logout.')
  const { protocol, hash } = new URL(text)
  if (protocol !== 'http:' && protocol !== 'https:') throw new InvalidArgumentError('It must begin with http or https.')
  if (hash !== '') throw new InvalidArgumentError('It must have no fragment: leave out the # and what follows.')
  return text
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
