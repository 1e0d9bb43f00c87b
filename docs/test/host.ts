// Serves an application whose module exports `fetch`, in the same way as Bun, Deno and Workers: `host.ts FILE`.
// With `host.ts FILE bun`, the module also exports the port and the address.
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import { schema } from '@bcl/sql'
import { serve } from '@hono/node-server'

type Fetch = (request: Request, env: object, context: object) => Response | Promise<Response>

/** Returns the part of Cloudflare's D1 that a store needs. */
function createDatabase() {
  const db = new DatabaseSync(':memory:')
  db.exec(schema('sqlite'))
  const query = async (text: string, params: string[]) => {
    if (existsSync(process.env.OUTAGE ?? '')) throw new Error('the store is down')
    return { results: db.prepare(text).all(...params) }
  }
  const bind = (text: string, params: string[]) => ({ all: () => query(text, params) })
  return { prepare: (text: string) => ({ bind: (...params: string[]) => bind(text, params) }) }
}

interface Served {
  fetch: Fetch
  port?: number
  hostname?: string
}

const [, , file, runtime] = process.argv
const { default: app } = (await import(file!)) as { default: Served }
const port = Number(new URL(process.env.BASE_URL!).port)
if (runtime === 'bun' && (app.port !== port || app.hostname !== '127.0.0.1'))
  throw new Error(`Bun would use port ${app.port} and the address ${app.hostname}`)
const env = { ...process.env, DB: createDatabase() }
const context = { waitUntil() {} } // Node.js finishes all work by itself
serve({
  async fetch(request) {
    try {
      return await app.fetch(request, env, context)
    } catch (error) {
      // A Worker also answers 500, and its log shows the stack.
      process.stderr.write(`${(error as Error).stack}\n`)
      return new Response(null, { status: 500 })
    }
  },
  overrideGlobalObjects: false, // otherwise, iron-session loses the cookies of a Response
  port,
  hostname: '127.0.0.1',
})
