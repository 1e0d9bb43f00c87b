// Replaces `next start`. This file checks the settings first, and it loses no logout at shutdown.
import { createServer } from 'node:http'

import next from 'next'

import { application } from './application.ts'

try {
  const { config, logout, close } = await application()
  const app = next({ dev: false, dir: `${import.meta.dirname}/..`, hostname: '127.0.0.1', port: config.port })
  await app.prepare()
  const server = createServer(app.getRequestHandler())
  server.on('error', fail)
  server.listen(config.port, '127.0.0.1', () => {
    console.log(`Next.js example on ${config.baseUrl}, signing in at ${config.issuer}`)
  })

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      server.close(() => void close().then(() => app.close()))
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
