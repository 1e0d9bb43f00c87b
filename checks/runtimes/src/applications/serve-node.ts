import { getRequestListener } from '@hono/node-server'
import { listen, serveNodeApplications } from './node.ts'
import { tell } from './tell.ts'
import { webApplications } from './web.ts'

const provider = process.argv[2]!
for (const [name, fetch] of Object.entries(webApplications(provider))) {
  tell(name, await listen(getRequestListener(fetch)))
}
await serveNodeApplications(provider)
