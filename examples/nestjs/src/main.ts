import { createApp } from './app.ts'
import { readConfig } from './config.ts'
import { createStores } from './store.ts'

try {
  const config = readConfig(process.env)
  const stores = await createStores(config.redisUrl)
  const app = await createApp(config, stores)
  await app.listen(config.port, '127.0.0.1')
  console.log(`NestJS example on ${config.baseUrl}, signing in at ${config.issuer}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
