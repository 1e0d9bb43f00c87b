import { once } from 'node:events'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, resolve } from 'node:path'

export const dist = resolve(import.meta.dirname, '../dist')

const mediaTypes: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

/** Returns the file with which a static server answers a path. */
export function fileAt(path: string): string | undefined {
  const candidates = [path, `${path}.html`, join(path, 'index.html')].map((candidate) => join(dist, candidate))
  return candidates.find((candidate) => extname(candidate) !== '' && existsSync(candidate))
}

/** Returns the paths of all pages, from the root of the site. */
export const pages = (): string[] => globSync('**/*.html', { cwd: dist })

/** Serves the built site on loopback. */
export async function serveSite(): Promise<{ origin: string; close: () => void }> {
  const server = createServer((request, response) => {
    const file = fileAt(decodeURI(new URL(request.url!, 'http://127.0.0.1').pathname))
    if (file === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': mediaTypes[extname(file)]! }).end(readFileSync(file))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}
