import { build } from 'esbuild'

/** Strips the types for Node 20; the packages stay imports, so that each runtime resolves the built ones by itself. */
export async function bundleForCommandLine(): Promise<string> {
  const outfile = new URL('../dist/print.js', import.meta.url).pathname
  const entryPoints = [new URL('print.ts', import.meta.url).pathname]
  await build({ entryPoints, outfile, bundle: true, packages: 'external', format: 'esm', target: 'es2022' })
  return outfile
}

/** workerd resolves no packages, so all goes into one file. */
export async function bundleForWorkerd(): Promise<void> {
  const outfile = new URL('../dist/worker.js', import.meta.url).pathname
  const entryPoints = [new URL('worker.ts', import.meta.url).pathname]
  await build({
    entryPoints,
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker'],
  })
}
