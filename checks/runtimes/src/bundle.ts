import { build, type BuildOptions } from 'esbuild'

const file = (path: string): string => new URL(`../${path}`, import.meta.url).pathname

const options: BuildOptions = { bundle: true, format: 'esm', target: 'es2022', outdir: file('dist') }

/**
 * Strips the types for Node.js, Bun and Deno. The bundle still imports packages, so each runtime resolves the built
 * packages itself. Only `@bcl/nestjs` is bundled. Nest compares classes by identity, so `@bcl/nestjs` must import Nest
 * from this folder, and not from the folder of the package.
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

/** Bundles everything into one file for workerd, because workerd does not resolve packages. */
export const bundleForWorkerd = (): Promise<unknown> =>
  build({
    ...options,
    entryPoints: { worker: file('src/worker.ts'), applications: file('src/applications/worker.ts') },
    conditions: ['workerd', 'worker'],
  })
