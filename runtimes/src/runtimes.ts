import { merge, type Report } from './case.ts'
import { bundleForCommandLine, bundleForWorkerd } from './bundle.ts'
import { askWorkerd, output } from './process.ts'

export interface Runtime {
  name: string
  version: () => Promise<string>
  run: () => Promise<Report>
}

const file = (path: string): string => new URL(`../${path}`, import.meta.url).pathname

const versionOf = (command: string) => async (): Promise<string> =>
  /\d[\d.-]*/.exec(await output(command, ['--version']))![0]

const commandLine = (name: string, path: string, args: readonly string[] = []): Runtime => ({
  name,
  version: versionOf(file(path)),
  run: async () => JSON.parse(await output(file(path), [...args, await bundleForCommandLine()])) as Report,
})

const workerd = file('node_modules/.bin/workerd')

/** Node's oldest two are the oldest that `engines` of the packages allow. Deno gets no permission at all. */
export const runtimes: readonly Runtime[] = [
  commandLine('Node.js 20', 'node_modules/node20/bin/node'),
  commandLine('Node.js 22', 'node_modules/node22/bin/node'),
  commandLine('Node.js 24', 'node_modules/node24/bin/node'),
  commandLine('Node.js 26', 'node_modules/node26/bin/node'),
  commandLine('Bun', 'node_modules/.bin/bun', ['run']),
  commandLine('Deno', 'node_modules/.bin/deno', ['run', '--no-prompt', '--node-modules-dir=manual']),
  {
    name: 'workerd (Cloudflare Workers)',
    version: versionOf(workerd),
    async run() {
      await bundleForWorkerd()
      const reports = await askWorkerd(workerd, file('src/worker.capnp'), ['/cases', '/begin', '/after'])
      return merge(reports)
    },
  },
]
