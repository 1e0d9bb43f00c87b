// Writes the page "Changelog" from the changelogs of the packages and the changesets of the next version.
import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './pages.ts'

const read = (pattern: string): string[] =>
  globSync(pattern, { cwd: repository })
    .toSorted()
    .map((file) => readFileSync(join(repository, file), 'utf8'))

/** Lowers the headings of a text by one level. */
const lowered = (text: string): string => text.replace(/^#/gm, '##')

function nextVersion(changesets: readonly string[]): string {
  const entries = changesets.flatMap((text) => {
    const [, name, content] = /^---\n'(@bcl\/\w+)': \w+\n---\n([\s\S]*)$/.exec(text) ?? []
    return name === undefined ? [] : [`### ${name}\n\n${content!.trim().replaceAll('\n', '\n\n')}`]
  })
  return entries.length === 0 ? '' : `## The next version\n\n${entries.join('\n\n')}`
}

const introduction =
  'Each package has its own changelog. All packages have the same version. [Release notes](releases.md) tells you what is important.'
const parts = [
  '# Changelog',
  introduction,
  nextVersion(read('.changeset/*.md')),
  ...read('packages/*/CHANGELOG.md').map(lowered),
]
writeFileSync(join(repository, 'docs/changelog.md'), `${parts.filter(Boolean).join('\n\n')}\n`)
