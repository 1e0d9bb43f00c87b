import { createServer } from 'node:http'

import { createBackchannelLogout } from '@bcl/core'

import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { createSecurityEvents } from './security-events.ts'
import { logDelivery, logError } from './shared/log.ts'
import { createReadiness } from './shared/readiness.ts'
import { createStreams } from './shared/streams.ts'
import { createStores, destroySession } from './store.ts'

try {
  const config = readConfig(process.env)
  const stores = await createStores(config.redisUrl)
  const logout = createBackchannelLogout({
    issuers: [config.trusted],
    sessionMaxAge: config.sessionMaxAge,
    store: stores.logouts,
    destroySession: (sessionId) => destroySession(stores.sessions, sessionId),
    onDelivery: logDelivery,
    onError: (error) => logError('Logouts, in the background', error),
  })
  const securityEvents = createSecurityEvents(process.env, config, logout)
  // Fetches the keys of the transmitter before the first event, because the transmitter waits for only one second.
  securityEvents?.warm().catch((error: unknown) => logError('Security events, keys', error))
  const readiness = createReadiness(logout)
  const app = createApp(config, logout, stores.sessions, readiness, createStreams(), securityEvents)
  const server = createServer(app)
  server.on('error', fail)
  server.listen(config.port, '127.0.0.1', () => {
    console.log(`Express example on ${config.baseUrl}, signing in at ${config.issuer}`)
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      readiness.stop()
      server.close(async () => {
        // The events come first, because an event in progress can end sessions, and `logout.close` writes these logouts.
        await securityEvents?.close()
        await logout.close()
        await stores.close()
      })
      // Waits for a logout whose body is still arriving. Then closes open /events streams, because they would keep the server running.
      void logout.close().then(() => setTimeout(() => server.closeAllConnections(), 500).unref())
    })
  }
} catch (error) {
  fail(error)
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
