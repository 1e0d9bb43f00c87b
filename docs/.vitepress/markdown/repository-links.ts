import { existsSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { MarkdownRenderer } from 'vitepress'
import { pageOf, repository } from '../pages.ts'
import { repositoryUrl } from '../settings.ts'

const isRepository = (link: string, file: string): boolean => resolve(file, '..', link) === repository

/** Returns the page for a link in a Markdown file. The link leads to a Markdown file, or to a folder with a README. */
export function pageBehind(link: string, file: string): string | undefined {
  if (isRepository(link, file)) return undefined
  const target = resolve(file, '..', decodeURI(link))
  if (!existsSync(target)) throw new Error(`${relative(repository, file)} links to ${link}, which does not exist`)
  const path = relative(repository, statSync(target).isDirectory() ? join(target, 'README.md') : target)
  return path === 'README.md' ? 'index.md' : pageOf(path)
}

/** Returns the address that a link in a Markdown file has on the site. */
function addressOf(path: string, anchor: string | undefined, file: string): string | undefined {
  if (isRepository(path, file)) return repositoryUrl
  const page = pageBehind(path, file)
  return page === undefined ? undefined : `/${page}${anchor === undefined ? '' : `#${anchor}`}`
}

/**
 * Converts links between files of the repository to links between pages. A link to the root folder leads to the repository on
 * its code host. If a link has no address on the site, keeps only the text of the link.
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
      const address = local ? addressOf(path, anchor, file) : undefined
      unlinked.push(local && address === undefined ? 'span' : 'a')
      if (address !== undefined) token.attrSet('href', address)
      else if (local) Object.assign(token, { tag: 'span', attrs: null })
    }
  })
}
