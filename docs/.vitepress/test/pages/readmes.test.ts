// The README of each package has the same parts in the same order.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import test from 'node:test'

import { repository } from '../../pages.ts'

for (const file of globSync('packages/*/README.md', { cwd: repository })) {
  test(`${file} follows the template`, () => {
    const text = readFileSync(join(repository, file), 'utf8')
    const name = `@bcl/${basename(dirname(file))}`
    const [what, ...rest] = text.split(/^```sh\n/m)
    assert.match(what!, new RegExp(`^# ${name}\\n\\n\\S.{40}`), 'says first what it is')
    assert.match(
      rest[0]!,
      new RegExp(`^npm install (?:--save-dev )?(?:@bcl/core )?${name}(?: redis)?\\n`),
      'says how to install it',
    )
    const [beforeHeadings] = text.split(/^## /m)
    if (name !== '@bcl/cli') assert.match(beforeHeadings!, /^```ts\n/m, 'shows code before the details')
    const headings = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
    assert.deepEqual(headings.slice(-3), ['Options', 'Errors', 'Links'])
  })
}
