import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Served = Awaited<ReturnType<typeof serve>>

/** Serves on loopback. Returns a function that sends requests like a browser with the given cookies. */
export async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    url,
    async get(path: string, cookie = '') {
      const response = await fetch(url + path, { headers: { cookie } })
      const text = await response.text()
      const setCookie = response.headers.getSetCookie()
      return {
        status: response.status,
        body: text.startsWith('{') ? JSON.parse(text) : text,
        setCookie,
        cookie: setCookie.map((line) => line.split(';')[0]).join('; '),
      }
    },
    async stop(): Promise<void> {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
