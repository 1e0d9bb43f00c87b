import { existsSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'
import { pageOf, repository } from '../pages.ts'

/** Returns the page for a link in a Markdown file. The link leads to a Markdown file, or to a folder with a README. */
export function pageBehind(link: string, file: string): string | undefined {
  const target = resolve(file, '..', decodeURI(link))
  if (!existsSync(target)) throw new Error(`${relative(repository, file)} links to ${link}, which does not exist`)
  const path = relative(repository, statSync(target).isDirectory() ? join(target, 'README.md') : target)
  return path === 'README.md' ? 'index.md' : pageOf(path)
}

/**
 * Converts links between files of the repository to links between pages. If a file has no page, keeps only the text of the link.
 */
export function repositoryLinks(md: MarkdownRenderer): void {
  md.core.ruler.push('repository_links', ({ tokens, env }) => {
    const file: string = env.realPath ?? env.path
    const unlinked: string[] = []
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type === 'link_close' && unlinked.pop() === 'span') token.tag = 'span'
      if (token.type !== 'link_open') continue
      const [path = '', anchor] = String(token.attrGet('href')).split('#')
      const local = path !== '' && !/^\w+:/.test(path)
      const page = local ? pageBehind(path, file) : undefined
      unlinked.push(local && page === undefined ? 'span' : 'a')
      if (page !== undefined) token.attrSet('href', `/${page}${anchor === undefined ? '' : `#${anchor}`}`)
      else if (local) Object.assign(token, { tag: 'span', attrs: null })
    }
  })
}
