import { randomBytes } from 'node:crypto'

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
  const port = readInteger('PORT', env['PORT'] ?? '3001', 65_535)
  return {
    port,
    baseUrl: readUrl('BASE_URL', env['BASE_URL'] ?? `http://127.0.0.1:${port}`).replace(/\/$/, ''),
    issuer: readUrl('ISSUER', env['ISSUER'] ?? 'http://127.0.0.1:3000'),
    clientId: env['CLIENT_ID'] ?? 'hono',
    clientSecret: env['CLIENT_SECRET'] ?? 'hono-secret',
    sessionSecret: env['SESSION_SECRET'] || randomSecret(),
    sessionMaxAge: readInteger('SESSION_MAX_AGE', env['SESSION_MAX_AGE'] ?? String(8 * 60 * 60)),
    redisUrl: env['REDIS_URL'] || undefined,
  }
}

/** Plain http is for a provider on this machine, nowhere else. */
export function isLoopback(url: string): boolean {
  return ['127.0.0.1', '[::1]', 'localhost'].includes(new URL(url).hostname)
}

function readInteger(name: string, value: string, max = Number.MAX_SAFE_INTEGER): number {
  const number = Number(value)
  if (Number.isInteger(number) && number >= 1 && number <= max) return number
  throw new Error(`${name} must be a whole number from 1 to ${max}, not "${value}"`)
}

function readUrl(name: string, value: string): string {
  const protocol = URL.parse(value)?.protocol
  if (protocol === 'https:' || (protocol === 'http:' && isLoopback(value))) return value
  throw new Error(`${name} must be an https URL, or http on this machine, not "${value}"`)
}

function randomSecret(): string {
  console.warn('SESSION_SECRET is not set: a random one is used, and a restart signs everybody out')
  return randomBytes(32).toString('base64url')
}
