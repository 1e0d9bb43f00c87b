import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Figures } from '../report/results.ts'

/** Measures the bytes of core in a bundle, without jose: minified, and minified and gzipped. */
export async function measureSize(): Promise<Figures[]> {
  const { outputFiles } = await build({
    stdin: { contents: "export * from '@bcl/core'", resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    external: ['jose'],
    write: false,
  })
  const { contents } = outputFiles[0]!
  return [{ name: '`@bcl/core`', values: [contents.length, gzipSync(contents, { level: 9 }).length] }]
}
