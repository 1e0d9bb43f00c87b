import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { runServer } from 'verdaccio'

export interface Registry {
  url: string
  stop(): Promise<void>
}

/**
 * Starts a registry on a free loopback port. Anybody may publish `@bcl/*` there. It gets other packages from the configured
 * registry.
 */
export async function startRegistry(folder: string): Promise<Registry> {
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim()
  const server = (await runServer({
    storage: join(folder, 'storage'),
    self_path: folder,
    auth: { htpasswd: { file: join(folder, 'htpasswd') } },
    uplinks: { upstream: { url: upstream, maxage: '10m', agent_options: { keepAlive: true, maxSockets: 40 } } },
    packages: {
      '@bcl/*': { access: ['$all'], publish: ['$all'] },
      '**': { access: ['$all'], proxy: ['upstream'] },
    },
    max_body_size: '20mb',
    log: { type: 'stdout', format: 'pretty', level: 'fatal' },
  } as never)) as Server
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
