import { randomBytes } from 'node:crypto'
import { callbackPath, type ExampleProcess, startExample } from '../../../examples/demo/src/example-process.ts'
import { freePorts } from '../../../examples/demo/src/free-ports.ts'
import type { Credentials, RunningProvider, Settings } from './provider.ts'
import type { Recorder } from './recorder.ts'

export interface Application extends Credentials {
  example: string
  url: string
  /** The registered address of the endpoint. Requests to it go through the recorder. */
  endpoint: string
  /** Starts a second instance, which shares the store and the secret. */
  second(): Promise<Application>
  stop(): Promise<void>
}

export interface ApplicationOptions {
  provider: RunningProvider
  recorder: Recorder
  redisUrl: string
  settings: readonly (Settings | ((credentials: Credentials) => Settings))[]
  /** Changes the client at the provider before the application starts. */
  configure?: ((clientId: string) => Promise<void>) | undefined
}

/** Registers an example at the provider, and starts it. */
export async function startApplication(
  example: string,
  { provider, recorder, redisUrl, settings, configure }: ApplicationOptions,
): Promise<Application> {
  const [port, secondPort] = (await freePorts(2)) as [number, number]
  const url = `http://127.0.0.1:${port}`
  const endpoint = recorder.urlFor(`${example}-${port}`, `${url}/backchannel-logout`)
  const credentials = await provider.register({
    name: `${example}-${port}`,
    redirectUri: url + callbackPath(example),
    postLogoutRedirectUri: `${url}/`,
    backchannelLogoutUri: endpoint,
  })
  await configure?.(credentials.clientId)
  const env = {
    ISSUER: provider.issuer,
    CLIENT_ID: credentials.clientId,
    CLIENT_SECRET: credentials.clientSecret,
    ...(credentials.clientAuth && { CLIENT_AUTH: credentials.clientAuth }),
    SESSION_SECRET: randomBytes(32).toString('base64url'),
    REDIS_URL: redisUrl,
    ISSUER_OPTIONS: JSON.stringify(
      Object.assign({}, ...settings.map((one) => (typeof one === 'function' ? one(credentials) : one))),
    ),
  }
  const started: ExampleProcess[] = []
  const start = async (onPort: number) => {
    const child = await startExample(example, onPort, env)
    started.push(child)
    return child.url
  }
  await start(port)
  const application: Application = {
    ...credentials,
    example,
    url,
    endpoint,
    second: async () => ({ ...application, url: await start(secondPort) }),
    stop: async () => void (await Promise.all(started.map((child) => child.stop()))),
  }
  return application
}
