import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pageBehind } from './markdown/repository-links.ts'
import { pageOf, repository } from './pages.ts'

/** Returns the Markdown version of a page. Its links lead to the Markdown versions of other pages. */
function withLinksOfTheSite(markdown: string, file: string): string {
  return markdown
    .split(/(^```[\s\S]*?^```)/m)
    .map((part) =>
      part.startsWith('```') ? part : part.replace(/\]\(([^)\s]+)\)/g, (all, link) => linkOf(all, link, file)),
    )
    .join('')
}

function linkOf(all: string, link: string, file: string): string {
  if (/^(?:\w+:|#)/.test(link)) return all
  const [path = '', anchor] = link.split('#')
  const page = pageBehind(path, file)
  return page === undefined ? all : `](/${page}${anchor === undefined ? '' : `#${anchor}`})`
}

const titleOf = (markdown: string): string => /^# (.+)$/m.exec(markdown)?.[1] ?? ''

/** Writes `llms.txt`, which lists the pages, and the Markdown version of each page next to its HTML. */
export function writeTexts(outDir: string, pages: readonly string[], description: string): void {
  const lines: string[] = []
  for (const path of pages) {
    const page = pageOf(path) ?? path
    const file = join(repository, path)
    const markdown = withLinksOfTheSite(readFileSync(file, 'utf8'), file)
    mkdirSync(dirname(join(outDir, page)), { recursive: true })
    writeFileSync(join(outDir, page), markdown)
    if (!page.startsWith('api/') || page === 'api/index.md') lines.push(`- [${titleOf(markdown)}](/${page})`)
  }
  const head = `# @bcl\n\n> ${description}\n\n## Pages\n\n`
  writeFileSync(join(outDir, 'llms.txt'), `${head}${lines.toSorted().join('\n')}\n`)
}
