import type { ClientMetadata } from 'oidc-provider'

/** Client metadata, with the address that takes security events. */
export interface ExampleClient extends ClientMetadata {
  security_events_uri?: string
  /** The value of `Authorization` for that address. */
  security_events_authorization?: string
}

export interface Config {
  port: number
  issuer: string
  clients: ExampleClient[]
  /** The address of the demo. The page of sessions links to it. */
  demoUrl: string | undefined
}

/** Reads the environment. If a value is wrong, throws an `Error` that names the variable. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const port = readPort(env['PORT'] ?? '3000')
  return {
    port,
    issuer: readIssuer(env['ISSUER'] ?? `http://127.0.0.1:${port}`),
    clients: env['CLIENTS'] === undefined ? defaultClients() : readClients(env['CLIENTS']),
    demoUrl: env['DEMO_URL'],
  }
}

function readPort(value: string): number {
  const port = Number(value)
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new Error(`PORT must be a number from 1 to 65535, not "${value}"`)
  }
  return port
}

function readIssuer(value: string): string {
  const protocol = /[\s?#]/.test(value) ? undefined : URL.parse(value)?.protocol
  if (protocol === 'https:' || protocol === 'http:') return value
  throw new Error(`ISSUER must be a URL without a query, not "${value}"`)
}

function readClients(json: string): ExampleClient[] {
  try {
    const clients: unknown = JSON.parse(json)
    if (Array.isArray(clients)) return clients
  } catch {
    // The error is thrown below.
  }
  throw new Error('CLIENTS must be a JSON array of client metadata')
}

/** The Relying Party examples, each on its own port. Auth.js has a redirect URI of its own. */
function defaultClients(): ClientMetadata[] {
  return ['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'].map((name, index) => {
    const baseUrl = `http://127.0.0.1:${3001 + index}`
    return {
      client_id: name,
      client_secret: `${name}-secret`,
      redirect_uris: [`${baseUrl}${name === 'nextjs' ? '/api/auth/callback/oidc' : '/callback'}`],
      post_logout_redirect_uris: [`${baseUrl}/`],
      backchannel_logout_uri: `${baseUrl}/backchannel-logout`,
    }
  })
}
