import { globSync } from 'node:fs'
import { resolve } from 'node:path'

export const repository = resolve(import.meta.dirname, '../..')

/**
 * Returns the page of the site for a Markdown file. Both are paths: of the file in the repository, and of the page in the site.
 */
export function pageOf(path: string): string | undefined {
  if (path === 'README.md' || path === 'AGENTS.md') return undefined
  if (/^[A-Z]+\.md$/.test(path)) return path.toLowerCase()
  const [, page] = /^docs\/(.+)$/.exec(path) ?? []
  if (page !== undefined) return page.replace('@bcl/', '')
  const [, folder] = /^((?:packages|examples)\/\w+)\/README\.md$/.exec(path) ?? []
  return folder && `${folder}.md`
}

/** Returns the Markdown files that have no page. */
export function notPages(): string[] {
  const exclude = ['**/node_modules/**', '**/dist/**']
  return globSync('**/*.md', { cwd: repository, exclude }).filter((path) => pageOf(path) === undefined)
}
