import { randomBytes } from 'node:crypto'

import { type ExampleProcess, startExample } from './example-process.ts'
import { freePorts } from './free-ports.ts'
import { createProviderClient, type ProviderClient } from './provider-client.ts'

/** A Relying Party to start. */
export interface AppOptions {
  /** The example's folder. */
  example: string
  /** @default the example's name */
  clientId?: string
  /** Client metadata beside the ordinary. */
  metadata?: Record<string, unknown>
}

export interface App {
  clientId: string
  url: string
}

export interface Stack {
  provider: ProviderClient
  apps: App[]
  stop(): Promise<void>
}

/** A provider and Relying Parties on free loopback ports, each a process of its own. */
export async function startStack(apps: readonly AppOptions[], { issuer }: { issuer?: string } = {}): Promise<Stack> {
  const [providerPort, ...appPorts] = (await freePorts(1 + apps.length)) as [number, ...number[]]
  const providerUrl = `http://127.0.0.1:${providerPort}`
  const parties = apps.map((app, index) => ({
    ...app,
    clientId: app.clientId ?? app.example,
    clientSecret: randomBytes(16).toString('base64url'),
    port: appPorts[index]!,
    url: `http://127.0.0.1:${appPorts[index]!}`,
  }))
  const clients = parties.map(({ clientId, clientSecret, url, metadata }) => ({
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [`${url}/callback`],
    post_logout_redirect_uris: [`${url}/`],
    backchannel_logout_uri: `${url}/backchannel-logout`,
    ...metadata,
  }))

  const starting = await Promise.allSettled([
    startExample('provider', providerPort, { ISSUER: issuer ?? providerUrl, CLIENTS: JSON.stringify(clients) }),
    ...parties.map(({ example, clientId, clientSecret, port }) =>
      startExample(example, port, {
        ISSUER: issuer ?? providerUrl,
        CLIENT_ID: clientId,
        CLIENT_SECRET: clientSecret,
        SESSION_SECRET: randomBytes(32).toString('base64url'),
      }),
    ),
  ])
  const started: ExampleProcess[] = starting.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []))
  const stop = async () => void (await Promise.all(started.map((process) => process.stop())))

  const failed = starting.find((start) => start.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    provider: createProviderClient(providerUrl),
    apps: parties.map(({ clientId, url }) => ({ clientId, url })),
    stop,
  }
}
