import { merge, type Report } from './cases/case.ts'
import { askWorkerd, output, serve, type Serving } from './process.ts'

export type Application = 'handle' | 'hono' | 'koa' | 'express' | 'fastify' | 'nestjs-express' | 'nestjs-fastify'

export interface Runtime {
  name: string
  version: () => Promise<string>
  /** Runs the core's own cases. */
  run: () => Promise<Report>
  /** The applications that run on this runtime. */
  applications: readonly Application[]
  /** Serves the applications. Each trusts the provider with its own name, below the URL `providers`. */
  serve: (providers: string) => Promise<Serving>
}

const file = (path: string): string => new URL(`../${path}`, import.meta.url).pathname

const versionOf = (command: string) => async (): Promise<string> =>
  /\d[\d.-]*/.exec(await output(command, ['--version']))![0]

const web = ['handle', 'hono'] as const
const all = [...web, 'koa', 'express', 'fastify', 'nestjs-express', 'nestjs-fastify'] as const

function commandLine(
  name: string,
  path: string,
  server: string,
  applications: readonly Application[],
  [runArgs, serveArgs]: [readonly string[], readonly string[]] = [[], []],
): Runtime {
  const command = file(path)
  return {
    name,
    version: versionOf(command),
    run: async () => JSON.parse(await output(command, [...runArgs, file('dist/print.js')])) as Report,
    applications,
    serve: (providers) => serve(command, [...serveArgs, file(`dist/${server}.js`), providers], applications),
  }
}

const node = (major: number): Runtime =>
  commandLine(`Node.js ${major}`, `node_modules/node${major}/bin/node`, 'serve-node', all)

const denoArgs = ['run', '--no-prompt', '--node-modules-dir=manual']
const workerd = file('node_modules/.bin/workerd')

/**
 * All runtimes. For Node.js 20 and 22, these are the oldest versions that the field `engines` of the packages allows.
 * Deno runs the core's own cases without permissions. The applications may use the network on loopback only.
 */
export const runtimes: readonly Runtime[] = [
  node(20),
  node(22),
  node(24),
  node(26),
  commandLine('Bun', 'node_modules/.bin/bun', 'serve-bun', all, [['run'], ['run']]),
  commandLine('Deno', 'node_modules/deno/deno', 'serve-deno', web, [denoArgs, [...denoArgs, '--allow-net=127.0.0.1']]),
  {
    name: 'workerd (Cloudflare Workers)',
    version: versionOf(workerd),
    run: async () => merge(await askWorkerd(workerd, file('src/worker.capnp'))),
    applications: web,
    serve: (PROVIDER) =>
      serve(workerd, ['serve', '--control-fd=1', file('src/applications/worker.capnp')], web, { PROVIDER }),
  },
]
