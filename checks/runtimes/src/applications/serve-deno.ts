import { tell } from './tell.ts'
import { webApplications } from './web.ts'

declare const Deno: {
  serve(
    options: { hostname: string; port: number; onListen(): void },
    fetch: (request: Request) => Response | Promise<Response>,
  ): { addr: { port: number } }
}

const options = { hostname: '127.0.0.1', port: 0, onListen: () => {} }
for (const [name, fetch] of Object.entries(webApplications(process.argv[2]!))) {
  tell(name, Deno.serve(options, fetch).addr.port)
}
