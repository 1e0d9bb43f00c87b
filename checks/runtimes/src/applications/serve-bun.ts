import { serveNodeApplications } from './node.ts'
import { tell } from './tell.ts'
import { webApplications } from './web.ts'

declare const Bun: {
  serve(options: { hostname: string; port: number; fetch: (request: Request) => Response | Promise<Response> }): {
    port: number
  }
}

const provider = process.argv[2]!
for (const [name, fetch] of Object.entries(webApplications(provider))) {
  tell(name, Bun.serve({ hostname: '127.0.0.1', port: 0, fetch }).port)
}
await serveNodeApplications(provider)
