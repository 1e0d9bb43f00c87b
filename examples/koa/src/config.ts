import { type Config, readEnvironment } from './shared/environment.ts'

export type { Config } from './shared/environment.ts'

/** Reads the settings. The defaults fit examples/provider. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  return readEnvironment(env, { port: 3002, clientId: 'koa', clientSecret: 'koa-secret' })
}
