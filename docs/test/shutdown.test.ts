// Stops the applications of the start pages as docs/deploying/docker.md says, while a live page is open.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'

import { bulletCode, replaceOnce } from '../../checks/scripts/code-blocks.ts'
import { start } from './application.ts'
import { compileNest } from './nest.ts'

const docs = resolve(import.meta.dirname, '..')
const folder = join(docs, 'snippets/shutdown')
mkdirSync(folder, { recursive: true })

const page = readFileSync(join(docs, 'deploying/docker.md'), 'utf8')
/** The listener of `main.ts`. */
const [listener] = /^process\.once\('SIGTERM'[^]*?^\}\)$/m.exec(page)!
const listeners = page.slice(page.indexOf('So add a listener:'))
/** Returns the code of a framework's bullet that matches the pattern. */
const codeIn = (framework: string, pattern: RegExp) => bulletCode(listeners, `**${framework}**`, pattern)

interface Framework {
  page: string
  /** A route whose answer never ends. */
  route: string
  /** Changes the start of the application as the page says. */
  edit: (code: string) => string
  /** How the process ends. NestJS sends the signal to itself again. */
  end?: [code: number | null, signal: string | null]
  /** The command, without the file. @default Node.js */
  command?: [program: string, ...args: string[]]
}

const runtimes = join(docs, '../checks/runtimes/node_modules')

const stream = `new Response(new ReadableStream({ start: (stream) => stream.enqueue(new TextEncoder().encode(':')) }))`
const withServer = (code: string): string =>
  replaceOnce(code, '\napp.listen(', '\nconst server = app.listen(') + listener

const frameworks: Record<string, Framework> = {
  Express: {
    page: 'express',
    route: `app.get('/events', (_request, response) => void response.write(':'))`,
    edit: withServer,
  },
  Koa: {
    page: 'koa',
    route: `app.middleware.unshift((ctx, next) => {
      if (ctx.path !== '/events') return next()
      ctx.respond = false
      ctx.res.writeHead(200).write(':')
    })`,
    edit: withServer,
  },
  Hono: {
    page: 'hono',
    route: `app.get('/events', () => ${stream})`,
    edit: (code) => {
      const [typeImport] = codeIn('Hono on Node.js', /^import /)
      return `${typeImport}\n${code.replace(/^(serve\(.*\))$/m, 'const server = $1 as Server')}${listener}`
    },
  },
  Fastify: {
    page: 'fastify',
    route: `app.get('/events', { exposeHeadRoute: false }, async () => ${stream})`,
    edit: (code) => code + codeIn('Fastify', /^process\.once/).join('\n'),
  },
  NestJS: {
    page: 'nestjs',
    route: `app.use('/events', (_request: unknown, response: import('express').Response) => void response.write(':'))`,
    edit: (code) => replaceOnce(code, 'NestFactory.create(AppModule)', codeIn('NestJS', /^NestFactory/)[0]),
    end: [null, 'SIGTERM'],
  },
  Bun: {
    page: 'bun',
    route: `const withEvents = (request: Request) => (request.url.endsWith('/events') ? ${stream} : answer(request))`,
    edit(code) {
      const [begin, end] = codeIn('Bun', /^(?:const server|\}\))/)
      const [head, object] = code.split('\nexport default {')
      const served = replaceOnce(object!.replace(/^\}$/m, end!), 'fetch: answer', 'fetch: withEvents')
      return [head, begin + served, ...codeIn('Bun', /^process\.once/)].join('\n')
    },
    command: [join(runtimes, '.bin/bun')],
  },
  Deno: {
    page: 'deno',
    route: `const withEvents = (request: Request) => (request.url.endsWith('/events') ? ${stream} : answer(request))`,
    edit(code) {
      const [serve] = codeIn('Deno', /^const server/)
      const served = replaceOnce(replaceOnce(serve, '3000', 'Number(new URL(BASE_URL).port)'), 'answer', 'withEvents')
      const [head] = code.split('\nexport default {')
      return [head, served, ...codeIn('Deno', /^process\.once/)].join('\n')
    },
    command: [join(runtimes, 'deno/deno'), 'run', '--allow-env', '--allow-net'],
  },
}

describe('docker.md: an open live page does not stop the shutdown of', { concurrency: 3 }, () => {
  for (const [name, framework] of Object.entries(frameworks)) {
    const {
      page: startPage,
      route,
      edit,
      end = [0, null],
      command: [command, ...args] = [process.execPath],
    } = framework
    const skip = !existsSync(command) && !process.env['CI'] && 'run `pnpm --dir checks/runtimes install` first'
    test(name, { timeout: 60_000, skip }, async (t) => {
      const source = readFileSync(join(docs, `snippets/docs-start-${startPage}-md/app.ts`), 'utf8')
      const edited = edit(source.replace(/^(?:(?:await )?(?:app\.listen|serve)\(|export default)/m, `${route}\n$&`))
      const file = join(folder, `${startPage}.ts`)
      writeFileSync(file, edited)
      const program = name === 'NestJS' ? join(compileNest('shutdown', ['nestjs.ts']), 'nestjs.js') : file
      const application = await start(t, { program: command, args: () => [...args, program] })
      const events = await fetch(`${application.base}/events`, { signal: t.signal })
      assert.equal(events.status, 200)
      const closed = assert.rejects(events.text())
      assert.deepEqual(await application.terminate(), end, application.output())
      await closed
    })
  }
})
