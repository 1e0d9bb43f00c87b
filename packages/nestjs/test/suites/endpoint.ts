import type { BackchannelLogout } from '@bcl/core'
import { BackchannelLogoutModule, getBackchannelLogoutToken } from '@bcl/nestjs'
import { faultOf, requestCases } from '@bcl/testing'
import { expectRoomAfterLargeBody, expectRoomAfterSlowBody, head } from '@bcl-checks/test-support/connection'
import {
  Body,
  Catch,
  Controller,
  Get,
  Post,
  ValidationPipe,
  VersioningType,
  type ArgumentsHost,
  type CanActivate,
  type INestApplication,
  type MiddlewareConsumer,
  type ModuleMetadata,
  type NestApplicationOptions,
  type NestInterceptor,
} from '@nestjs/common'
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, HttpAdapterHost, NestApplication } from '@nestjs/core'
import { Test } from '@nestjs/testing'
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler'
import { IsString } from 'class-validator'
import helmet from 'helmet'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { map } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { create, form, listen, op, options, path, platforms, rootModule, run, type Running } from '../support.js'

class Echo {
  value?: string
}
IsString()(Echo.prototype, 'value')
// Sets the metadata that emitDecoratorMetadata would write. ValidationPipe needs them.
const typed = (target: object, key: string, types: unknown[]): void =>
  Reflect.defineMetadata('design:paramtypes', types, target, key)

@Controller()
class OpenController {
  @Get('open')
  open(): object {
    return { open: true }
  }

  @Post('echo')
  echo(@Body() body: Echo): Echo {
    return body
  }
}
typed(OpenController.prototype, 'echo', [Echo])

/** A setting of the application, and a control request whose answer shows that the setting is active. */
interface Surroundings {
  metadata?: ModuleMetadata
  nest?: NestApplicationOptions
  main?(app: INestApplication): void
  control: [path: string, init: RequestInit | undefined, status: number, body?: string]
}

const post = (body: object, headers?: Record<string, string>): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

const forbid = (_: IncomingMessage, response: ServerResponse): void => {
  response.statusCode = 403
  response.end()
}

/** CSRF protection: every request but GET needs a token. */
const csrf = (request: IncomingMessage, response: ServerResponse, next: () => void): void =>
  request.method === 'GET' || request.headers['x-csrf-token'] ? next() : forbid(request, response)

const deny: CanActivate = { canActivate: () => false }
const wrap: NestInterceptor = { intercept: (_, next) => next.handle().pipe(map((data: unknown) => ({ data }))) }

@Catch()
class Teapot {
  catch(_: unknown, host: ArgumentsHost): void {
    const { httpAdapter } = adapterOf
    httpAdapter.reply(host.switchToHttp().getResponse(), { teapot: true }, 418)
  }
}
let adapterOf: HttpAdapterHost

class Denying {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(forbid).forRoutes('{*path}')
  }
}

const surroundings: Record<string, Surroundings> = {
  nothing: { control: ['/open', undefined, 200] },
  'a global guard that denies everything': {
    metadata: { providers: [{ provide: APP_GUARD, useValue: deny }] },
    main: (app) => app.useGlobalGuards(deny),
    control: ['/open', undefined, 403],
  },
  'a global ValidationPipe that forbids unknown properties': {
    metadata: {
      providers: [{ provide: APP_PIPE, useValue: new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true }) }],
    },
    main: (app) => app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true })),
    control: ['/echo', post({ value: 'a', more: 'b' }), 400],
  },
  'a global interceptor that wraps responses': {
    metadata: { providers: [{ provide: APP_INTERCEPTOR, useValue: wrap }] },
    control: ['/open', undefined, 200, '{"data":{"open":true}}'],
  },
  'a global exception filter': {
    metadata: { providers: [{ provide: APP_FILTER, useClass: Teapot }] },
    main: (app) => void (adapterOf = app.get(HttpAdapterHost)),
    control: ['/none', undefined, 418],
  },
  'a throttler that is exhausted': {
    metadata: {
      imports: [ThrottlerModule.forRoot([{ ttl: 60_000, limit: 0 }])],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
    },
    control: ['/open', undefined, 429],
  },
  'a global prefix': { main: (app) => void app.setGlobalPrefix('api'), control: ['/open', undefined, 404] },
  'versions in the path': {
    main: (app) => void app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    control: ['/v1/open', undefined, 200],
  },
  'bodyParser: false': { nest: { bodyParser: false }, control: ['/open', undefined, 200] },
  'rawBody: true': { nest: { rawBody: true }, control: ['/echo', post({ value: 'a' }), 201, '{"value":"a"}'] },
  CORS: { nest: { cors: { origin: 'https://app.example' } }, control: ['/open', undefined, 200] },
  'helmet and CSRF protection, by app.use': {
    main: (app) => void app.use(helmet()).use(csrf),
    control: ['/echo', post({ value: 'a' }), 403],
  },
  'middleware of a module that denies everything': {
    metadata: { imports: [Denying] },
    control: ['/open', undefined, 403],
  },
  'a hook or middleware on the platform itself': {
    main(app) {
      const instance = app.getHttpAdapter().getInstance()
      if ('addHook' in instance)
        instance.addHook(
          'onRequest',
          (_: unknown, reply: { code(status: number): { send(): void } }) => void reply.code(403).send(),
        )
      else instance.use(forbid)
    },
    control: ['/open', undefined, 403],
  },
}

/** Sends all request cases. Returns the faults of the answers. */
async function faultsOf({ fetch }: Pick<Running, 'fetch'>): Promise<string[]> {
  const faults = await Promise.all(
    requestCases.map(async (row) => {
      const { query = '', ...init } = await row.make(op)
      const response = await fetch(`${path}${query}`, init)
      const fault = faultOf(row, response, await response.text())
      return fault === undefined ? [] : [`${row.requirement}, ${row.name}: ${fault}`]
    }),
  )
  return faults.flat()
}

const module = (): ModuleMetadata => ({
  imports: [BackchannelLogoutModule.forRoot(options())],
  controllers: [OpenController],
})

const within = ({ metadata: { imports = [], ...metadata } = {} }: Surroundings): ModuleMetadata => {
  const own = module()
  return { ...own, ...metadata, imports: [...imports, ...own.imports!] }
}

/** Reads the body and sets a getter that throws. On a serverless platform, the getter throws if it cannot parse the body. */
async function setThrowingBody(request: IncomingMessage): Promise<object> {
  await text(request)
  Object.defineProperty(request, 'body', {
    get() {
      throw new Error('the body cannot be parsed')
    },
  })
  return {}
}

describe.each(platforms)('the endpoint on %s', (platform, createAdapter) => {
  test.each(Object.entries(surroundings))('T-4: works in an application with %s', async (_, around) => {
    const app = await create(createAdapter, within(around), around.nest)
    around.main?.(app)
    const running = await listen(app)
    const [target, init, status, body] = around.control
    const control = await running.fetch(target, init)
    expect.soft([control.status, body && (await control.text())]).toEqual([status, body])
    expect.soft(await faultsOf(running)).toEqual([])
    await running.close()
  })

  test('T-4: works in an application with all these settings', async () => {
    const all = Object.values(surroundings)
    const app = await create(
      createAdapter,
      {
        controllers: [OpenController],
        imports: [
          ...all.flatMap(({ metadata }) => metadata?.imports ?? []),
          BackchannelLogoutModule.forRoot(options()),
        ],
        providers: all.flatMap(({ metadata }) => metadata?.providers ?? []),
      },
      { rawBody: true, cors: true },
    )
    for (const { main } of all) main?.(app)
    const running = await listen(app)
    expect(await faultsOf(running)).toEqual([])
    await running.close()
  })

  test.runIf('enableCsrfProtection' in NestApplication.prototype)(
    "T-2: runs before Nest's own CSRF protection (12.5)",
    async () => {
      const app = await create(createAdapter, module())
      app.enableCsrfProtection()
      const running = await listen(app)
      expect((await running.fetch('/echo', post({ value: 'a' }, { origin: 'https://elsewhere.example' }))).status).toBe(
        403,
      )
      expect(await faultsOf(running)).toEqual([])
      await running.close()
    },
  )

  test('works if a feature module imports it', async () => {
    const running = await run(createAdapter, { imports: [rootModule({ imports: [rootModule(module())] })] })
    expect(await faultsOf(running)).toEqual([])
    await running.close()
  })

  test('runs before app.use even if the options resolve late', async () => {
    let decide = (): void => {}
    const decided = new Promise<void>((resolve) => (decide = resolve))
    const created = create(createAdapter, {
      imports: [BackchannelLogoutModule.forRootAsync({ useFactory: () => decided.then(() => options()) })],
    })
    setImmediate(decide)
    const running = await listen((await created).use(csrf))
    expect(await faultsOf(running)).toEqual([])
    await running.close()
  })

  test('runs before app.use in a testing module, too', async () => {
    const testing = await Test.createTestingModule(module()).compile()
    const app = testing.createNestApplication(createAdapter(), { logger: false })
    const running = await listen(app.use(csrf))
    expect(await faultsOf(running)).toEqual([])
    await running.close()
  })

  test.each(['before Nest is created', 'after Nest is created'])(
    'shares the request hook of the adapter with a hook that was set %s',
    async (when) => {
      const urls: (string | undefined)[] = []
      const hook = (request: IncomingMessage | { raw: IncomingMessage }, _: unknown, done: () => void): void => {
        urls.push(('raw' in request ? request.raw : request).url)
        done()
      }
      const adapter = createAdapter()
      const [before, after] = when === 'after Nest is created' ? [undefined, hook] : [hook, undefined]
      if (before) adapter.setOnRequestHook(before)
      const app = await create(() => adapter, module())
      if (after) adapter.setOnRequestHook(after)
      const running = await listen(app)
      expect(await faultsOf(running)).toEqual([])
      expect((await running.fetch('/open')).status).toBe(200)
      expect(urls).toEqual(['/open'])
      await running.close()
    },
  )

  test('does not pass the requests of the endpoint on to the application', async () => {
    const urls: (string | undefined)[] = []
    const app = await create(createAdapter, module())
    app.use(({ url }: IncomingMessage, _: ServerResponse, next: () => void) => {
      urls.push(url)
      next()
    })
    const running = await listen(app)
    expect((await running.fetch(path, await form())).status).toBe(200)
    expect((await running.fetch('/open')).status).toBe(200)
    expect(urls).toEqual(['/open'])
    await running.close()
  })

  test('answers only at its exact path', async () => {
    const app = await create(createAdapter, {
      imports: [BackchannelLogoutModule.forRoot({ ...options(), path: '/auth/logout' })],
    })
    const running = await listen(app.setGlobalPrefix('api'))
    const status = async (target: string): Promise<number> => (await running.fetch(target, await form())).status
    expect(await status('/auth/logout?tenant=/a')).toBe(200)
    const elsewhere = [
      '/api/auth/logout',
      '/auth/logout/',
      '/auth/logout/x',
      '/x/auth/logout',
      '/backchannel-logout',
      '/auth',
    ]
    expect(await Promise.all(elsewhere.map(status))).toEqual(elsewhere.map(() => 404))
    await running.close()
  })

  test('answers a request whose target is an absolute URL, as some proxies send it', async () => {
    const running = await run(createAdapter, module())
    const ask = async (target: string): Promise<string> => {
      const body = `logout_token=${await op.logoutToken()}`
      const socket = connect(running.port, '127.0.0.1')
      socket.write(head(target, `content-length: ${body.length}`, 'connection: close') + body)
      return (await text(socket)).split('\r\n', 1)[0]!
    }
    expect(await ask(`http://app.example${path}`)).toBe('HTTP/1.1 200 OK')
    expect(await ask(`HTTPS://app.example:8443${path}?tenant=http://a/b`)).toBe('HTTP/1.1 200 OK')
    expect(await ask(`/http://app.example${path}`)).toBe('HTTP/1.1 404 Not Found')
    await running.close()
  })

  test.runIf(platform === 'Fastify')('answers injected requests', async () => {
    const app = await create(createAdapter, module())
    await app.init()
    const { body, ...init } = await form()
    const response = await app
      .getHttpAdapter()
      .getInstance()
      .inject({ ...init, url: path, payload: body })
    expect([response.statusCode, response.body]).toEqual([200, ''])
    await app.close()
  })

  test.each<[string, 200 | 400, (request: IncomingMessage) => object | Promise<object>]>([
    ['an object', 200, async (request) => ({ body: Object.fromEntries(new URLSearchParams(await text(request))) })],
    ['a string', 200, async (request) => ({ body: await text(request) })],
    ['a Buffer', 200, async (request) => ({ body: Buffer.from(await text(request)) })],
    [
      'rawBody beside the parsed body',
      200,
      async (request) => ({ rawBody: Buffer.from(await text(request)), body: {} }),
    ],
    ['an empty object, without reading the stream', 200, () => ({ body: {} })],
    [
      'two tokens in an array',
      400,
      async (request) => ({ body: { logout_token: [(await text(request)).split('=')[1], 'x'] } }),
    ],
    ['nothing', 400, async (request) => (await text(request), {})],
    ['a property that throws', 400, (request) => setThrowingBody(request)],
  ])('T-3: takes the body from the request if the platform has read it and left %s', async (_, status, read) => {
    const app = await create(createAdapter, module())
    await app.init()
    const instance = app.getHttpAdapter().getInstance()
    if (platform === 'Fastify') await instance.ready()
    const server = createServer(async (request, response) => {
      Object.assign(request, await read(request))
      if (platform === 'Fastify') instance.routing(request, response)
      else instance(request, response)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, await form())
    expect(response.status).toBe(status)
    server.close()
    server.closeAllConnections()
    await app.close()
  })

  test('does nothing if another handler has already answered', async () => {
    let go = (): void => {}
    const held = new Promise<void>((resolve) => (go = resolve))
    let deliver = (): void => {}
    const delivered = new Promise<void>((resolve) => (deliver = resolve))
    const running = await run(createAdapter, {
      imports: [BackchannelLogoutModule.forRoot(options({ onDelivery: () => deliver() }))],
    })
    running.app.get<BackchannelLogout>(getBackchannelLogoutToken()).onLogout(() => held)
    running.app.getHttpServer().prependListener('request', (_: unknown, response: ServerResponse) => {
      setImmediate(() => response.writeHead(504).end())
    })
    expect((await running.fetch(path, await form())).status).toBe(504)
    go()
    await delivered
    await running.close()
  })

  test('asks for the body if the client waits for 100 Continue', async () => {
    const running = await run(createAdapter, module())
    const body = `logout_token=${await op.logoutToken()}`
    const socket = connect(running.port, '127.0.0.1')
    socket.write(head(path, `content-length: ${body.length}`, 'expect: 100-continue', 'connection: close'))
    const [interim] = (await once(socket, 'data')) as [Buffer]
    expect(String(interim)).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write(body)
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    await running.close()
  })

  test('answers the next request even if a connection closes during the body', async () => {
    let deliver = (): void => {}
    const delivered = new Promise<void>((resolve) => (deliver = resolve))
    const running = await run(createAdapter, {
      imports: [BackchannelLogoutModule.forRoot(options({ onDelivery: () => deliver() }))],
    })
    const socket = connect(running.port, '127.0.0.1')
    socket.write(`${head(path, 'content-length: 1000')}logout_token=half`)
    await once(running.app.getHttpServer(), 'request')
    socket.destroy()
    await delivered
    expect((await running.fetch(path, await form())).status).toBe(200)
    await running.close()
  })

  test('after a body that was too slow and too large, the connection serves the next request', async () => {
    const running = await run(createAdapter, module())
    await expectRoomAfterSlowBody(running.port, path, await op.logoutToken())
    await running.close()
  })

  test('answers on a serverless platform whose writeHead returns nothing', async () => {
    const running = await run(createAdapter, module())
    running.app.getHttpServer().prependListener('request', (_: IncomingMessage, response: ServerResponse) => {
      const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => unknown
      response.writeHead = (...args: unknown[]) => void writeHead(...args) as never
    })
    expect((await running.fetch(path, await form())).status).toBe(200)
    await running.close()
  })

  test('RP-4: answers 413 while 10 MB arrive in chunks, and the connection stays usable', async () => {
    const running = await run(createAdapter, module())
    await expectRoomAfterLargeBody(running.port, path, await op.logoutToken())
    await running.close()
  })
})
