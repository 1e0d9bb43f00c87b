import { randomBytes } from 'node:crypto'

import { createBackchannelLogout, MemoryStore, type TrustedIssuer } from '@bcl/core'

/** The longest life of a cookie in browsers: 400 days, in seconds. */
const MAX_AGE = 400 * 24 * 60 * 60

const CLIENT_AUTH = ['client_secret_basic', 'client_secret_post'] as const

export interface Config {
  port: number
  baseUrl: string
  issuer: string
  clientId: string
  clientSecret: string
  /** The method with which the client authenticates at the token endpoint. */
  clientAuth: (typeof CLIENT_AUTH)[number]
  /** The issuer for `createBackchannelLogout`, with the settings of ISSUER_OPTIONS. */
  trusted: TrustedIssuer
  sessionSecret: string
  /** Seconds that a session may live. Using the session does not extend this time. */
  sessionMaxAge: number
  /**
   * The Redis that all instances share. Without this setting, the stored data is in the memory of this process.
   */
  redisUrl: string | undefined
}

/** The values that differ between the examples. */
export interface Defaults {
  port: number
  clientId: string
  clientSecret: string
}

/** Reads the environment. If a value is wrong, throws an `Error` that names the variable. */
export function readEnvironment(env: NodeJS.ProcessEnv, defaults: Defaults): Config {
  const port = readInteger('PORT', env['PORT'] ?? String(defaults.port), 65_535)
  const issuer = readUrl('ISSUER', env['ISSUER'] ?? 'http://127.0.0.1:3000')
  const clientId = readText('CLIENT_ID', env['CLIENT_ID'] ?? defaults.clientId)
  const clientSecret = readText('CLIENT_SECRET', env['CLIENT_SECRET'] ?? defaults.clientSecret)
  return {
    port,
    baseUrl: readOrigin('BASE_URL', env['BASE_URL'] ?? `http://127.0.0.1:${port}`),
    issuer,
    clientId,
    clientSecret,
    clientAuth: readOneOf('CLIENT_AUTH', env['CLIENT_AUTH'] ?? CLIENT_AUTH[0], CLIENT_AUTH),
    trusted: readTrustedIssuer('ISSUER_OPTIONS', env['ISSUER_OPTIONS'] ?? '{}', { issuer, clientId, clientSecret }),
    sessionSecret: readText('SESSION_SECRET', env['SESSION_SECRET'] ?? randomSecret()),
    sessionMaxAge: readInteger('SESSION_MAX_AGE', env['SESSION_MAX_AGE'] ?? String(8 * 60 * 60), MAX_AGE),
    redisUrl: readRedisUrl('REDIS_URL', env['REDIS_URL']),
  }
}

/** Tells whether a URL is on this machine. Only a provider on this machine may use plain http. */
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

function readOneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value)
  if (found !== undefined) return found
  throw new Error(`${name} must be ${allowed.join(' or ')}, not "${value}"`)
}

/** Returns the original text, because an issuer is compared byte for byte. */
function readUrl(name: string, value: string): string {
  const protocol = /[\s?#]/.test(value) ? undefined : URL.parse(value)?.protocol
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(value))) return value
  throw new Error(
    `${name} must be an https URL without a query (http is allowed only on this machine), but it is "${value}"`,
  )
}

/** The routes are at the root, so the URL has no path. */
function readOrigin(name: string, value: string): string {
  const { origin, pathname } = new URL(readUrl(name, value))
  if (pathname === '/') return origin
  throw new Error(`${name} must not have a path, and "${value}" has one`)
}

function readRedisUrl(name: string, value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined
  if (['redis:', 'rediss:'].includes(URL.parse(value)?.protocol ?? '')) return value
  throw new Error(`${name} must be a redis or rediss URL`)
}

/** Adds the settings in `json` to `own`. Lets `createBackchannelLogout` check the settings. */
function readTrustedIssuer(name: string, json: string, own: TrustedIssuer): TrustedIssuer {
  const settings = readJsonObject(name, json)
  if ('issuer' in settings) throw new Error(`${name} must not contain "issuer": set ISSUER`)
  if ('clientId' in settings) throw new Error(`${name} must not contain "clientId": set CLIENT_ID`)
  const { keys } = settings
  const trusted = { ...own, ...settings, ...(typeof keys === 'string' && { keys: URL.parse(keys) ?? keys }) }
  try {
    createBackchannelLogout({ issuers: [trusted as TrustedIssuer], sessionMaxAge: 1, store: new MemoryStore() })
  } catch (error) {
    throw new Error(`${name} must hold settings of TrustedIssuer: ${(error as Error).message}`, { cause: error })
  }
  return trusted as TrustedIssuer
}

function readJsonObject(name: string, json: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(json)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Drops the message of the parser, because it can contain a secret.
  }
  throw new Error(`${name} must be a JSON object`)
}

function randomSecret(): string {
  console.warn('SESSION_SECRET is not set. The application uses a random secret, so a restart signs everybody out')
  return randomBytes(32).toString('base64url')
}
