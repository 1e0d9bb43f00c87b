import { spawn } from 'node:child_process'
import { once } from 'node:events'

import { heading } from './print.ts'

/** Builds the packages that the provider and the examples need. Prints one line for each package. */
export async function buildExamples(examples: readonly string[]): Promise<void> {
  heading('Building the packages. The first time takes a minute or two.')
  const filters = ['provider', ...examples].map((example) => `--filter=@bcl-examples/${example}...`)
  const command = `turbo run build ${filters.join(' ')} --output-logs=hash-only`
  const [code] = (await once(spawn(command, { shell: true, stdio: 'inherit' }), 'exit')) as [number | null]
  if (code !== 0) throw new Error('The packages could not be built. The lines above show the reason.')
}
