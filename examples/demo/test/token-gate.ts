import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A proxy in front of a provider. It uses the address of the issuer, and can delay the answers of the token endpoint. */
export async function startTokenGate() {
  let target: URL
  let open = Promise.resolve()
  let arrived = () => {}

  const server = createServer((incoming, outgoing) => {
    const { method, headers, url: path } = incoming
    const forwarded = request({ host: target.hostname, port: target.port, path, method, headers }, async (answer) => {
      if (path === '/token') {
        arrived()
        await open
      }
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    incoming.pipe(forwarded)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    leadTo(url: string): void {
      target = new URL(url)
    },
    /**
     * Holds the next answer with tokens. `issued` resolves when the provider has issued the tokens. `release` sends the
     * answer to the application.
     */
    hold(): { issued: Promise<void>; release: () => void } {
      const release = Promise.withResolvers<void>()
      const issued = Promise.withResolvers<void>()
      open = release.promise
      arrived = issued.resolve
      return { issued: issued.promise, release: release.resolve }
    },
    async stop(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
