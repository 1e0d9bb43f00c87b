import { type BackchannelLogout, createBackchannelLogout } from '@bcl/core'

import { type Config, readConfig } from './config.ts'
import { logDelivery, logError } from './shared/log.ts'
import { createReadiness, type Readiness } from './shared/readiness.ts'
import { createStreams, type Streams } from './shared/streams.ts'
import { createStore } from './store.ts'

/** The objects that all parts of the application share. */
export interface Application {
  config: Config
  logout: BackchannelLogout
  readiness: Readiness
  streams: Streams
  /** Waits for logouts in progress, and then closes the store. */
  close(): Promise<void>
}

/**
 * The shared application. It is a global variable, because Next.js bundles routes, pages and the proxy separately. So each of them
 * has its own copy of a module.
 */
const shared = globalThis as { application?: Promise<Application> }

/** Starts at the first call, because a build has no environment variables. */
export function application(): Promise<Application> {
  return (shared.application ??= start())
}

async function start(): Promise<Application> {
  const config = readConfig(process.env)
  // Auth.js gets its own address from this variable. Otherwise Auth.js would trust a header that a client can choose.
  process.env['AUTH_URL'] = config.baseUrl
  const store = await createStore(config.redisUrl, 'bcl-nextjs:')
  const logout = createBackchannelLogout({
    issuers: [config.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: store.logouts,
    onDelivery: logDelivery,
    onError: (error) => logError('Logouts, in the background', error),
  })
  const readiness = createReadiness(logout)
  return {
    config,
    logout,
    readiness,
    streams: createStreams(),
    async close() {
      readiness.stop()
      await logout.close()
      await store.close()
    },
  }
}
