// Tests the examples with real OpenID Providers: pnpm interop [provider…] [--examples hono,koa] [--write]
// With --write, the command saves the results and writes docs/interop.md.
import { parseArgs } from 'node:util'
import { keepResult, transmitterKey } from './page.ts'
import { providers } from './providers/providers.ts'
import { runScenario } from './scenario.ts'
import { runTransmitter } from './ssf/run.ts'
import { UnavailableError } from './unavailable.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    examples: { type: 'string', default: 'hono,koa,nestjs,express,fastify,nextjs' },
    write: { type: 'boolean', default: false },
  },
})

// Each child process adds a listener.
process.setMaxListeners(0)
// The exit handlers stop the child processes. A signal alone does not call these handlers.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

for (const key of positionals.length > 0 ? positionals : [...Object.keys(providers), transmitterKey]) {
  if (key === transmitterKey) {
    console.log("Keycloak's Shared Signals transmitter:")
    const result = await runTransmitter()
    if (values.write) keepResult(key, result)
    continue
  }
  const provider = providers[key]
  if (provider === undefined)
    throw new Error(`There is no provider "${key}". Known: ${Object.keys(providers).join(', ')}`)
  console.log(`${provider.name}:`)
  try {
    const result = await runScenario(provider, values.examples.split(','))
    console.log(`  version ${result.version}: ${result.examples.join(', ')} passed`)
    if (values.write) keepResult(key, result)
  } catch (error) {
    // In CI, or if the command names the provider, a provider that cannot run is a failure.
    const isRequired = process.env['CI'] === 'true' || positionals.length > 0
    if (isRequired || !(error instanceof UnavailableError)) throw error
    console.log(`  not run: ${error.message}`)
  }
}
