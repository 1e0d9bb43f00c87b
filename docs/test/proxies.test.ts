// Runs nginx and Caddy with the configuration of docs/deploying/docker.md in front of the application of this page.
// No test runs the Dockerfile or the Kubernetes page, because Docker and Kubernetes need rights that a test does not have.
// docs/.vitepress/test/pages/blocks.test.ts checks only the form of these files.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect } from 'node:tls'
import { test, type TestContext } from 'node:test'

import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'

import { codeBlocks, replaceOnce } from '../../checks/scripts/code-blocks.ts'
import { freePort } from '../../checks/test-support/src/free-port.ts'
import { createApp } from '../snippets/docs-deploying-docker-md/server.ts'
import { run, SECRET } from './application.ts'

const blocks = codeBlocks(readFileSync(join(import.meta.dirname, '../deploying/docker.md'), 'utf8'))

/** Returns the configuration of the page. Only the address of the application is different. */
function documented(language: string, app: string): string {
  const { code } = blocks.find((block) => block.language === language)!
  assert.equal(code.split('app:3000').length, 2)
  return code.replace('app:3000', app)
}

interface Proxy {
  program: string
  /** Writes the configuration into the folder, and returns the arguments of the program. */
  configure(folder: string, app: string, port: number): string[]
  env(folder: string): Record<string, string>
  /** The line of the log that says that the proxy answers requests. */
  started: RegExp
  /** The file of the certificate that the browser and the provider trust. */
  certificate: string
}

/** Writes a configuration of nginx with these blocks into the folder. Returns the arguments of nginx. */
function configureNginx(folder: string, http: string, server: string): string[] {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; pid ${join(folder, 'pid')}; error_log stderr notice;
    events {}
    http {
      access_log off;
      ${temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join('\n')}
      ${http}
      server {
        ${server}
      }
    }`,
  )
  return ['-p', folder, '-e', 'stderr', '-c', file]
}

const proxies: Proxy[] = [
  {
    program: 'nginx',
    configure(folder, app, port) {
      const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
      const subject = ['-subj', '/CN=example.com', '-addext', 'subjectAltName=DNS:example.com']
      const files = ['-keyout', key, '-out', certificate]
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject, ...files], {
        stdio: 'pipe',
      })
      const listen = `listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};`
      return configureNginx(folder, '', listen + documented('nginx', app))
    },
    env: () => ({}),
    started: /start worker process/,
    certificate: 'certificate.pem',
  },
  {
    program: 'caddy',
    configure(folder, app, port) {
      const file = join(folder, 'Caddyfile')
      // Without these settings, Caddy gets its certificate from the internet.
      const settings = ['local_certs', 'skip_install_trust', 'auto_https disable_redirects', 'admin off']
      const options = [...settings, `https_port ${port}`, 'default_bind 127.0.0.1']
      writeFileSync(file, `{\n${options.join('\n')}\n}\n${documented('text', app)}`)
      return ['run', '--adapter', 'caddyfile', '--config', file]
    },
    env: (folder) => ({ HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }),
    started: /certificate obtained successfully/,
    certificate: 'caddy/pki/authorities/local/root.crt',
  },
]

const op = await createTestIssuer()
const claims = op.session()

/** Starts the application of the page, with a route that signs in and a live page. Returns its address. */
async function startApplication(t: TestContext): Promise<string> {
  const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
  const app = createApp(logout, SECRET)
  app.get('/shop/login', (request, response) => {
    request.session.claims = claims
    response.json({})
  })
  app.get('/shop/live', (_request, response) => {
    response.type('text/event-stream').write('data: connected\n\n')
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Waits until the proxy uses its certificate. Caddy logs the certificate a moment earlier. */
async function handshake(port: number, ca: Buffer): Promise<void> {
  for (;;) {
    const socket = connect({ host: '127.0.0.1', port, ca, servername: 'example.com' })
    const error = await once(socket, 'secureConnect').then(
      () => undefined,
      (reason: NodeJS.ErrnoException) => reason,
    )
    socket.destroy()
    if (!error) return
    assert.match(error.message, /alert internal error/)
  }
}

const path = `${process.env.PATH}${delimiter}/usr/sbin`
const isInstalled = (program: string): boolean =>
  path.split(delimiter).some((folder) => existsSync(join(folder, program)))
const skipWithout = (program: string) =>
  process.env.CI === 'true' || isInstalled(program) ? false : `${program} is not installed`

for (const { program, configure, env, started, certificate } of proxies) {
  test(
    `docker.md: ${program} passes Logout Tokens, sessions and live pages on`,
    { skip: skipWithout(program), timeout: 30_000 },
    async (t) => {
      const app = await startApplication(t)
      const folder = mkdtempSync(join(tmpdir(), `${program}-`))
      const port = await freePort()
      const args = configure(folder, app, port)
      const { child, ended, printed } = run({ program, args: () => args }, { PATH: path, ...env(folder) }, port)
      t.after(async () => {
        child.kill()
        await ended
        rmSync(folder, { recursive: true, force: true })
      })
      await printed(started)
      const ca = readFileSync(join(folder, certificate))
      await handshake(port, ca)

      /** Sends a request to https://example.com. */
      async function send(url: string, headers: Record<string, string> = {}, body?: URLSearchParams) {
        const method = body ? 'POST' : 'GET'
        const type = body && { 'content-type': 'application/x-www-form-urlencoded' }
        const options = {
          host: '127.0.0.1',
          port,
          path: url,
          method,
          ca,
          servername: 'example.com',
          agent: false as const,
        }
        const request = httpsRequest({ ...options, headers: { host: 'example.com', ...type, ...headers } })
        request.end(body?.toString())
        const [response] = (await once(request, 'response')) as [IncomingMessage]
        return response
      }
      const statusOf = async (...request: Parameters<typeof send>) => (await send(...request)).resume().statusCode

      const signedIn = await send('/shop/login')
      const [setCookie] = signedIn.resume().headers['set-cookie']!
      assert.match(setCookie!, /^connect\.sid=.*; Path=\/shop; .*Secure/)
      const cookie = setCookie!.split(';')[0]!

      // A browser cannot choose the address that the application sees.
      const cart = await send('/shop/cart', { cookie, 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'http' })
      assert.deepEqual(JSON.parse(await text(cart)), { secure: true, ip: '127.0.0.1' })

      const live = await send('/shop/live', { cookie })
      const [event] = await once(live, 'data')
      assert.equal(String(event), 'data: connected\n\n')
      assert.equal(live.complete, false)
      live.destroy()

      const body = new URLSearchParams({ logout_token: await op.logoutToken() })
      const wrongPath = await statusOf('/backchannel-logout', {}, body)
      assert.ok(wrongPath! >= 400, `the provider gets ${wrongPath} for a logout that reached no application`)
      assert.equal(await statusOf('/shop/cart', { cookie }), 200)
      assert.equal(await statusOf('/shop/backchannel-logout', {}, body), 200)
      assert.equal(await statusOf('/shop/cart', { cookie }), 401)
    },
  )
}

test(
  'rate-limits.md: nginx accepts 2,000 requests at once, and refuses the others',
  { skip: skipWithout('nginx'), timeout: 60_000 },
  async (t) => {
    const app = createServer((_request, response) => response.end()).listen(0, '127.0.0.1')
    await once(app, 'listening')
    const folder = mkdtempSync(join(tmpdir(), 'nginx-'))
    const port = await freePort()
    const page = readFileSync(join(import.meta.dirname, '../guides/rate-limits.md'), 'utf8')
    const [zone, location] = codeBlocks(page)
      .filter(({ language }) => language === 'nginx')
      .map(({ code }) => code)
    // With this rate, nginx accepts no request above the burst during the test.
    const http = replaceOnce(zone!, 'rate=500r/s', 'rate=1r/m')
    const server = replaceOnce(location!, 'app:3000', `127.0.0.1:${(app.address() as AddressInfo).port}`)
    const args = configureNginx(folder, http, `listen 127.0.0.1:${port}; ${server}`)
    const { child, ended, printed } = run({ program: 'nginx', args: () => args }, { PATH: path }, port)
    t.after(async () => {
      child.kill()
      await ended
      app.close()
      app.closeAllConnections()
      rmSync(folder, { recursive: true, force: true })
    })
    await printed(/start worker process/)
    const counts: Record<number, number> = {}
    const post = async (): Promise<void> => {
      const { status } = await fetch(`http://127.0.0.1:${port}/backchannel-logout`, { method: 'POST' })
      counts[status] = (counts[status] ?? 0) + 1
    }
    for (let sent = 0; sent < 2010; sent += 30) await Promise.all(Array.from({ length: 30 }, post))
    // One request, and the burst of 2,000.
    assert.deepEqual(counts, { 200: 2001, 503: 9 })
  },
)
