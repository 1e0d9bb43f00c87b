import { createBackchannelLogout } from '@bcl/core'

import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { logDelivery, logError } from './shared/log.ts'
import { createReadiness } from './shared/readiness.ts'
import { createStore } from './store.ts'

try {
  const config = readConfig(process.env)
  const store = await createStore(config.redisUrl, 'bcl-fastify:')
  const logout = createBackchannelLogout({
    issuers: [config.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: store.logouts,
    onDelivery: logDelivery,
    onError: (error) => logError('Logouts, in the background', error),
  })
  const readiness = createReadiness(logout)
  const app = createApp(config, logout, readiness)
  await app.listen({ port: config.port, host: '127.0.0.1' })
  console.log(`Fastify example on ${config.baseUrl}, signing in at ${config.issuer}`)

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      readiness.stop()
      void app
        .close()
        .then(() => logout.close())
        .then(store.close)
      // Waits for a logout whose body is still arriving. Then closes open /events streams, because they would keep the server running.
      void logout.close().then(() => setTimeout(() => app.server.closeAllConnections(), 500).unref())
    })
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
