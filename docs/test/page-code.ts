// Runs code of a page that names a provider on the internet, and that exports nothing.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, mock } from 'node:test'

import { createTestIssuer } from '@bcl/testing'

/** The provider that the code of the pages names. */
export const op = await createTestIssuer({ issuer: 'https://op.example.com', clientId: 'my-client' })

/** The `fetch` of Node.js, which reaches the servers of a test. */
export const { fetch } = globalThis

/** During the tests of this file, `op` answers the requests to the provider. */
export function answerAsProvider(): void {
  before(() => {
    mock.method(globalThis, 'fetch', (...request: Parameters<typeof fetch>) =>
      (String(request[0]).startsWith(op.issuer) ? op.fetch : fetch)(...request),
    )
  })
  after(() => mock.restoreAll())
}

/** Writes the code to a file with this name, and adds exports of the variables. Returns the path of the file. */
export function writeCode(folder: string, name: string, code: string, variables: readonly string[]): string {
  const path = join(import.meta.dirname, '../snippets', folder)
  mkdirSync(path, { recursive: true })
  const file = join(path, `${name.replaceAll(/\W+/g, '-')}.ts`)
  const declared = variables.filter((variable) => new RegExp(`^const ${variable} =`, 'm').test(code))
  writeFileSync(file, `${code}\nexport { ${declared.join(', ')} }\n`)
  return file
}
