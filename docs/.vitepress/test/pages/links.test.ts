import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import test from 'node:test'

import GithubSlugger from 'github-slugger'
import { dist, fileAt, pages } from '../site.ts'

const root = resolve(import.meta.dirname, '../../../..')
const texts = new Map<string, string>()

function read(file: string): string {
  const text = texts.get(file) ?? readFileSync(file, 'utf8')
  texts.set(file, text)
  return text
}

const isElsewhere = (link: string): boolean => /^(?:[\w+.-]+:|\/\/)/.test(link)

test('the links of the site lead to pages and to headings', () => {
  const broken: string[] = []
  let count = 0
  for (const page of pages().filter((path) => path !== '404.html')) {
    for (const [, link] of read(join(dist, page)).matchAll(/<(?:a|img|script|link)\b[^>]*?\s(?:href|src)="([^"]*)"/g)) {
      if (isElsewhere(link!)) continue
      count += 1
      const { pathname, hash } = new URL(link!.replaceAll('&amp;', '&'), `http://site/${page}`)
      const file = fileAt(decodeURI(pathname))
      if (file === undefined) broken.push(`${page}: ${link}`)
      else if (hash !== '' && !read(file).includes(` id="${decodeURIComponent(hash.slice(1))}"`))
        broken.push(`${page}: ${link}, a heading`)
    }
  }
  assert.deepEqual(broken, [])
  assert.ok(count > 1000, `${count} links`)
})

/** Returns the anchors that a code host makes for the headings of a text. */
function anchorsOf(markdown: string): Set<string> {
  const slugger = new GithubSlugger()
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '')
  return new Set([...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slugger.slug(heading!)))
}

const exclude = ['**/node_modules/**', '**/dist/**', 'docs/api/**', '**/CHANGELOG.md', '.changeset/**']
const files = globSync('**/*.md', { cwd: root, exclude })

/** Returns the links of a Markdown file that lead to the repository. */
function linksOf(file: string): { link: string; target: string; anchor: string | undefined }[] {
  const prose = read(join(root, file)).replace(/^```[\s\S]*?^```/gm, '')
  const links = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !isElsewhere(link))
  return links.map((link) => {
    const [path = '', anchor] = link.split('#')
    return { link, target: path === '' ? join(root, file) : resolve(root, dirname(file), decodeURI(path)), anchor }
  })
}

// The site has no page for some Markdown files. This test also checks the links of these files.
test('the links of the Markdown files lead to files and to headings', () => {
  const broken: string[] = []
  let count = 0
  for (const file of files) {
    for (const { link, target, anchor } of linksOf(file)) {
      count += 1
      if (!existsSync(target)) broken.push(`${file}: ${link}`)
      else if (anchor !== undefined && (statSync(target).isDirectory() || !anchorsOf(read(target)).has(anchor)))
        broken.push(`${file}: ${link}, a heading`)
      if (relative(root, target).startsWith('..')) broken.push(`${file}: ${link}, outside`)
    }
  }
  assert.deepEqual(broken, [])
  assert.ok(count > 50, `${count} links`)
})

test('the text of another page leads to each guide', () => {
  const guides = new Set(files.filter((file) => /^docs\/(?!changelog)[^.]+\.md$/.test(file)))
  for (const file of files) {
    for (const { target } of linksOf(file)) if (target !== join(root, file)) guides.delete(relative(root, target))
  }
  assert.deepEqual([...guides], [])
})
