import { randomBytes } from 'node:crypto'

/** Injects the {@link Config}. */
export const CONFIG = Symbol('config')

/** Seconds: browsers keep no cookie longer than 400 days. */
const MAX_AGE = 400 * 24 * 60 * 60

export interface Config {
  port: number
  baseUrl: string
  issuer: string
  clientId: string
  clientSecret: string
  sessionSecret: string
  /** Seconds a session may live, however often it is used. */
  sessionMaxAge: number
  /** Where several instances, and restarts, remember together. */
  redisUrl: string | undefined
}

/** Reads the environment; the defaults fit examples/provider. A wrong value is an `Error` that names the variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const port = readInteger('PORT', env['PORT'] ?? '3003', 65_535)
  return {
    port,
    baseUrl: readOrigin('BASE_URL', env['BASE_URL'] ?? `http://127.0.0.1:${port}`),
    issuer: readUrl('ISSUER', env['ISSUER'] ?? 'http://127.0.0.1:3000'),
    clientId: readText('CLIENT_ID', env['CLIENT_ID'] ?? 'nestjs'),
    clientSecret: readText('CLIENT_SECRET', env['CLIENT_SECRET'] ?? 'nestjs-secret'),
    sessionSecret: env['SESSION_SECRET'] || randomSecret(),
    sessionMaxAge: readInteger('SESSION_MAX_AGE', env['SESSION_MAX_AGE'] ?? String(8 * 60 * 60), MAX_AGE),
    redisUrl: readRedisUrl('REDIS_URL', env['REDIS_URL']),
  }
}

/** Plain http is for a provider on this machine, nowhere else. */
export function isLoopback(url: string): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(url).hostname)
}

function readInteger(name: string, value: string, max: number): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= 1 && number <= max) return number
  throw new Error(`${name} must be a whole number from 1 to ${max}, not "${value}"`)
}

function readText(name: string, value: string): string {
  if (value !== '') return value
  throw new Error(`${name} must not be empty`)
}

/** The text itself: an issuer is compared byte for byte. */
function readUrl(name: string, value: string): string {
  const protocol = /[\s?#]/.test(value) ? undefined : URL.parse(value)?.protocol
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(value))) return value
  throw new Error(`${name} must be an https URL, or http on this machine, without a query, not "${value}"`)
}

/** The routes are at the root, so there is no path. */
function readOrigin(name: string, value: string): string {
  const { origin, pathname } = new URL(readUrl(name, value))
  if (pathname === '/') return origin
  throw new Error(`${name} must have no path, as "${value}" has`)
}

function readRedisUrl(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined
  if (['redis:', 'rediss:'].includes(URL.parse(value)?.protocol ?? '')) return value
  throw new Error(`${name} must be a redis or rediss URL`)
}

function randomSecret(): string {
  console.warn('SESSION_SECRET is not set: a random one is used, and a restart signs everybody out')
  return randomBytes(32).toString('base64url')
}
