// Builds and starts an application with nextjs-auth0 and a session store in memory, which back-channel logout needs.
import { execFileSync } from 'node:child_process'
import { createServer } from 'node:http'
import next from 'next'

const port = Number(process.env['PORT'])
const dir = import.meta.dirname

execFileSync(process.execPath, ['../../node_modules/next/dist/bin/next', 'build'], { cwd: dir, stdio: 'inherit' })
const app = next({ dev: false, dir, hostname: '127.0.0.1', port })
await app.prepare()
createServer(app.getRequestHandler()).listen(port, '127.0.0.1')
