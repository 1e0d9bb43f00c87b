// Runs what docs/deploying/docker.md says about a prefix with Hono, Koa, Fastify and NestJS.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { createBackchannelLogout, MemoryStore, type BackchannelLogout } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'

import { bulletCode, replaceOnce } from '../../checks/scripts/code-blocks.ts'
import { writeCode } from './page-code.ts'

const page = readFileSync(join(import.meta.dirname, '../deploying/docker.md'), 'utf8')
const code = (framework: string, pattern: RegExp): string => bulletCode(page, `**${framework}**`, pattern)[0]

/** Starts an application at a free port. Its start page answers with the protocol that the application sees. */
type Listen = (logout: BackchannelLogout, op: TestIssuer) => Promise<{ port: number; close(): unknown }>

const listening = `
  await new Promise((resolve) => server.on('listening', resolve))
  return { port: server.address().port, close: () => server.close() }`
/** For each framework, the imports and the body of `listen`. */
const applications: Record<string, [imports: string, body: string]> = {
  Hono: [
    `import { backchannelLogout } from '@bcl/hono'
    import { serve } from '@hono/node-server'
    import { Hono } from 'hono'`,
    `const app = ${code('Hono', /^new Hono/).replace('<…>', '')}
    app.all('/backchannel-logout', backchannelLogout(logout))
    app.get('/', (c) => c.text(c.req.header('x-forwarded-proto')))
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
    ${listening}`,
  ],
  Koa: [
    `import { backchannelLogout } from '@bcl/koa'
    import Koa from 'koa'`,
    `const app = new Koa()
    ${code('Koa', /^app\.proxy/)}
    app.use(${code('Koa', /^backchannelLogout/)})
    app.use((ctx) => {
      if (ctx.path === '/shop/') ctx.body = ctx.protocol
    })
    const server = app.listen(0, '127.0.0.1')
    ${listening}`,
  ],
  Fastify: [
    `import { backchannelLogout } from '@bcl/fastify'
    import Fastify from 'fastify'`,
    // On the page, the proxy has a private address. In this test, it has an address of loopback.
    `const app = Fastify({ ${replaceOnce(code('Fastify', /^trustProxy/), "'uniquelocal'", "['uniquelocal', 'loopback']")} })
    ${code('Fastify', /^app\.register/)}
    app.get('/shop/', async (request) => request.protocol)
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: app.server.address().port, close: () => app.close() }`,
  ],
  NestJS: [
    `import { BackchannelLogoutModule } from '@bcl/nestjs'
    import { Controller, Get, Module, Req } from '@nestjs/common'
    import { NestFactory } from '@nestjs/core'
    import { MemoryStore } from '@bcl/core'`,
    `class Home {
      home(request) {
        return request.protocol
      }
    }
    Get()(Home.prototype, 'home', Object.getOwnPropertyDescriptor(Home.prototype, 'home'))
    Req()(Home.prototype, 'home', 0)
    Controller()(Home)
    const options = { issuers: [op.trusted], sessionMaxAge: 60, store: new MemoryStore() }
    class Shop {}
    Module({
      controllers: [Home],
      imports: [BackchannelLogoutModule.forRoot({ ...options, session: () => undefined, ${code('NestJS', /^path: /)} })],
    })(Shop)
    const app = await NestFactory.create(Shop, { logger: ['error'] })
    app.set('trust proxy', 1)
    ${code('NestJS', /^app\.setGlobalPrefix/)}
    await app.listen(0, '127.0.0.1')
    return { port: app.getHttpServer().address().port, close: () => app.close() }`,
  ],
}

for (const [framework, [imports, body]] of Object.entries(applications)) {
  test(`docker.md: ${framework} serves the endpoint and the pages below the prefix`, async (t) => {
    const module = `// @ts-nocheck\n${imports}\nexport async function listen(logout, op) {\n${body}\n}`
    const file = writeCode('prefix', framework, module, [])
    const { listen } = (await import(file)) as { listen: Listen }
    const op = await createTestIssuer()
    const logout = createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 60, store: new MemoryStore() })
    const { port, close } = await listen(logout, op)
    t.after(close)
    const base = `http://127.0.0.1:${port}`
    const post = async (path: string) =>
      fetch(base + path, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: await op.logoutToken() }),
      }).then(({ status }) => status)
    assert.deepEqual(await Promise.all(['/shop/backchannel-logout', '/backchannel-logout'].map(post)), [200, 404])
    const home = await fetch(`${base}/shop/`, { headers: { 'x-forwarded-proto': 'https' } })
    assert.deepEqual([home.status, await home.text()], [200, 'https'])
  })
}
