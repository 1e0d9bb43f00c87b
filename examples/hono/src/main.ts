import { createServer } from 'node:http'

import { createBackchannelLogout } from '@bcl/core'
import { getRequestListener } from '@hono/node-server'

import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { createStore } from './store.ts'

try {
  const config = readConfig(process.env)
  const store = await createStore(config.redisUrl)
  const logout = createBackchannelLogout({
    issuers: [{ issuer: config.issuer, clientId: config.clientId }],
    sessionMaxAge: config.sessionMaxAge,
    store: store.logouts,
    onError: (error) => console.error(error),
  })
  const server = createServer(getRequestListener(createApp(config, logout).fetch))
  server.on('error', fail)
  server.listen(config.port, '127.0.0.1', () => {
    console.log(`Hono example on ${config.baseUrl}, signing in at ${config.issuer}`)
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close(() => void logout.close().then(store.close))
      // Open /events streams would keep the server up for as long as their pages are open.
      setTimeout(() => server.closeAllConnections(), 500).unref()
    })
  }
} catch (error) {
  fail(error)
}

function fail(error: unknown): never {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
