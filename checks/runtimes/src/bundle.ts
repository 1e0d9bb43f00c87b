import { build, type BuildOptions } from 'esbuild'

const file = (path: string): string => new URL(`../${path}`, import.meta.url).pathname

const options: BuildOptions = { bundle: true, format: 'esm', target: 'es2022', outdir: file('dist') }

/**
 * For Node, Bun and Deno only the types are stripped: the packages stay imports, so that each runtime resolves the built
 * ones by itself. All but one: Nest knows its classes by identity, so `@bcl/nestjs` must find the copy that is installed
 * here, not the one beside its sources.
 */
export const bundleForCommandLine = (): Promise<unknown> =>
  build({
    ...options,
    entryPoints: {
      print: file('src/print.ts'),
      'serve-node': file('src/applications/serve-node.ts'),
      'serve-bun': file('src/applications/serve-bun.ts'),
      'serve-deno': file('src/applications/serve-deno.ts'),
    },
    packages: 'external',
    alias: { '@bcl/nestjs': file('node_modules/@bcl/nestjs/dist/index.js') },
  })

/** workerd resolves no packages, so all goes into one file. */
export const bundleForWorkerd = (): Promise<unknown> =>
  build({
    ...options,
    entryPoints: { worker: file('src/worker.ts'), applications: file('src/applications/worker.ts') },
    conditions: ['workerd', 'worker'],
  })
