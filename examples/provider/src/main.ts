import { serve } from '@hono/node-server'
import { errors } from 'oidc-provider'

import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { createProvider } from './provider.ts'

try {
  const { port, issuer, clients, demoUrl } = readConfig(process.env)
  const app = createApp(await createProvider({ issuer, clients }), { demoUrl })
  const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, () => {
    console.log(`OpenID Provider ${issuer} on http://127.0.0.1:${port}, sessions at ${issuer}/sessions`)
  })
  server.on('error', fail)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close())
} catch (error) {
  fail(error)
}

function fail(error: unknown): never {
  if (error instanceof errors.OIDCProviderError) console.error(error.error_description ?? error.error)
  else console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
