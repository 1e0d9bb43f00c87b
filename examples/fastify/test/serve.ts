import type { FastifyInstance } from 'fastify'

export type Served = Awaited<ReturnType<typeof serve>>

/** Serves on loopback. Returns a function that sends requests like a browser with the given cookies. */
export async function serve(app: FastifyInstance) {
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const ask = async (path: string, cookie: string, init: RequestInit) => {
    const response = await fetch(url + path, { headers: { cookie }, redirect: 'manual', ...init })
    const text = await response.text()
    const setCookie = response.headers.getSetCookie()
    return {
      status: response.status,
      body: text.startsWith('{') ? JSON.parse(text) : text,
      setCookie,
      cookie: setCookie.map((line) => line.split(';')[0]).join('; '),
    }
  }

  return {
    url,
    get: (path: string, cookie = '') => ask(path, cookie, {}),
    post: (path: string, cookie: string) => ask(path, cookie, { method: 'POST' }),
    async stop(): Promise<void> {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}
