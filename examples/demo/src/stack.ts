import { randomBytes } from 'node:crypto'

import { callbackPath, startExample } from './example-process.ts'
import { freePorts } from './free-ports.ts'
import { createProviderClient, type ProviderClient } from './provider-client.ts'

/** A Relying Party to start. */
export interface AppOptions {
  /** The example's folder. */
  example: string
  /** @default the example's name */
  clientId?: string
  /** True if the provider sends security events to this application. Only examples/hono and examples/express receive them. */
  securityEvents?: boolean
  /** More client metadata for the provider. */
  metadata?: Record<string, unknown>
  /** More environment for the application. */
  env?: Record<string, string>
}

export interface App {
  clientId: string
  url: string
}

/** An application that this stack started. */
export interface StackApp extends App {
  clientSecret: string
  /** All text that the application has printed. */
  output(): string
}

export interface Stack {
  provider: ProviderClient
  apps: StackApp[]
  stop(): Promise<void>
}

export interface StackOptions {
  /**
   * Starts a server in front of the provider. The function gets the address of the provider, and returns the issuer.
   */
  front?: (providerUrl: string) => string
  /** More environment for the provider. */
  providerEnv?: Record<string, string>
  /** Called when the provider or an application is ready. */
  onReady?: (name: string, url: string) => void
}

/** Starts a provider and Relying Parties on free loopback ports. Each runs in its own process. */
export async function startStack(
  apps: readonly AppOptions[],
  { front = (providerUrl) => providerUrl, providerEnv = {}, onReady = () => {} }: StackOptions = {},
): Promise<Stack> {
  const [providerPort, ...appPorts] = (await freePorts(1 + apps.length)) as [number, ...number[]]
  const providerUrl = `http://127.0.0.1:${providerPort}`
  const issuer = front(providerUrl)
  const parties = apps.map((app, index) => ({
    ...app,
    clientId: app.clientId ?? app.example,
    clientSecret: randomBytes(16).toString('base64url'),
    port: appPorts[index]!,
    url: `http://127.0.0.1:${appPorts[index]!}`,
    authorization: `Bearer ${randomBytes(16).toString('base64url')}`,
  }))
  const clients = parties.map(({ example, clientId, clientSecret, url, securityEvents, authorization, metadata }) => ({
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [url + callbackPath(example)],
    post_logout_redirect_uris: [`${url}/`],
    backchannel_logout_uri: `${url}/backchannel-logout`,
    ...(securityEvents && {
      security_events_uri: `${url}/security-events`,
      security_events_authorization: authorization,
    }),
    ...metadata,
  }))

  // Starts the provider first, because an application waits some seconds if its provider is not running.
  const provider = await startExample('provider', providerPort, {
    ISSUER: issuer,
    CLIENTS: JSON.stringify(clients),
    ...providerEnv,
  })
  onReady('provider', providerUrl)
  const starting = await Promise.allSettled(
    parties.map(async ({ example, clientId, clientSecret, port, url, securityEvents, authorization, env }) => {
      const started = await startExample(example, port, {
        ISSUER: issuer,
        CLIENT_ID: clientId,
        CLIENT_SECRET: clientSecret,
        SESSION_SECRET: randomBytes(32).toString('base64url'),
        ...(securityEvents && {
          SSF_ISSUER: `${issuer}/ssf`,
          SSF_AUDIENCE: clientId,
          SSF_AUTHORIZATION: authorization,
        }),
        ...env,
      })
      onReady(clientId, url)
      return started
    }),
  )
  const started = starting.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const stop = async () => void (await Promise.all([provider, ...started].map((process) => process.stop())))

  const failed = starting.find((start) => start.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    provider: createProviderClient(providerUrl),
    apps: parties.map(({ clientId, clientSecret, url }, index) => ({
      clientId,
      clientSecret,
      url,
      output: started[index]!.output,
    })),
    stop,
  }
}
