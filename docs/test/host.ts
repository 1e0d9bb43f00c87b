// Serves an application whose module has a `fetch`, in the same way as Bun, Deno and Workers: `host.ts FILE`.
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import { schema } from '@bcl/sql'
import { serve } from '@hono/node-server'

type Fetch = (request: Request, env: object) => Response | Promise<Response>

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

const { default: app } = (await import(process.argv[2]!)) as { default: { fetch: Fetch } }
const env = { ...process.env, DB: createDatabase() }
serve({
  async fetch(request) {
    try {
      return await app.fetch(request, env)
    } catch (error) {
      // A Worker also answers 500, and its log shows the stack.
      process.stderr.write(`${(error as Error).stack}\n`)
      return new Response(null, { status: 500 })
    }
  },
  overrideGlobalObjects: false, // otherwise, iron-session loses the cookies of a Response
  port: Number(new URL(process.env.BASE_URL!).port),
  hostname: '127.0.0.1',
})
