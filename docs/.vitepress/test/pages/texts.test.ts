import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'

import type { DefaultTheme } from 'vitepress'
import { inEachManager } from '../../markdown/package-managers.ts'
import { sidebar } from '../../navigation.ts'
import { diagrams } from '../../pictures/diagrams.ts'
import { dist, fileAt, pages } from '../site.ts'

const read = (path: string): string => readFileSync(join(dist, path), 'utf8')

test('llms.txt lists the pages, and each of them exists as Markdown', () => {
  const links = [...read('llms.txt').matchAll(/\]\(\/([^)]+\.md)\)/g)].map(([, path]) => path!)
  assert.ok(links.includes('start/hono.md') && links.includes('packages/core.md') && links.includes('api/index.md'))
  for (const path of links) assert.match(read(path), /^# /m, path)
})

test('each page has a Markdown version, and its links lead to Markdown versions', () => {
  for (const page of pages().filter((path) => path !== '404.html')) {
    const markdown = read(page.replace(/\.html$/, '.md')).replace(/^```[\s\S]*?^```/gm, '')
    for (const [, path] of markdown.matchAll(/\]\(\/([^)#]+)[^)]*\)/g)) assert.ok(fileAt(path!), `${page}: ${path}`)
  }
})

test('an npm command is converted for each package manager', () => {
  const spelled = inEachManager('npm install @bcl/core\nnpm install --save-dev @bcl/cli\nnode app.ts\n')!
  assert.equal(spelled.get('npm'), 'npm install @bcl/core\nnpm install --save-dev @bcl/cli\nnode app.ts\n')
  assert.equal(spelled.get('pnpm'), 'pnpm add @bcl/core\npnpm add --save-dev @bcl/cli\nnode app.ts\n')
  assert.equal(spelled.get('yarn'), 'yarn add @bcl/core\nyarn add --dev @bcl/cli\nnode app.ts\n')
  assert.equal(spelled.get('bun'), 'bun add @bcl/core\nbun add --dev @bcl/cli\nnode app.ts\n')
  assert.equal(inEachManager('npx @bcl/cli doctor\n')!.get('bun'), 'bunx @bcl/cli doctor\n')
  assert.equal(inEachManager('npm install ../bcl-packages/bcl-core-0.0.0.tgz\n'), undefined)
  assert.equal(inEachManager('npx -y pnpm@12.21.0 demo\n'), undefined)
})

test('the linked pages prove each claim of the front page', () => {
  const results = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../../../checks/bench/results.json'), 'utf8'),
  ) as {
    sections: { endpoint: { speed: { median: number } }[] }
  }
  for (const { speed } of results.sections.endpoint) assert.ok(speed.median >= 1)
  const [, cases] = /All six example applications pass all (\d+) cases/.exec(read('index.md'))!
  const examples = [...read('conformance.md').matchAll(/^\| examples\/\w+ .*$/gm)]
  assert.equal(examples.length, 6)
  for (const [row] of examples) {
    const passed = [...row.matchAll(/ (\d+) of \1 /g)].reduce((sum, [, count]) => sum + Number(count), 0)
    assert.equal(passed, Number(cases), row)
  }
  const [, providers] = /All six work with ([^.]+)\./.exec(read('index.md'))!
  for (const provider of providers!.split(/,\s+|\s+and\s+/)) {
    assert.match(read('interop.md'), new RegExp(`^\\| ${provider}.*hono, koa, nestjs, express, fastify, nextjs`, 'm'))
  }
})

test('the front page has code for each framework', () => {
  const [, tabs] = /<!-- tabs -->(.*?)<!-- \/tabs -->/s.exec(read('index.md'))!
  const labels = [...tabs!.matchAll(/^\*\*(.+)\*\*$/gm)].map(([, label]) => label)
  assert.deepEqual(labels, ['Hono', 'Express', 'Koa', 'Fastify', 'NestJS', 'Next.js', 'Any other'])
})

test('the navigation lists each page once', () => {
  const linksOf = ({ link, items }: DefaultTheme.SidebarItem): string[] =>
    items ? items.flatMap(linksOf) : link === undefined ? [] : [link]
  const links = (sidebar['/'] as DefaultTheme.SidebarItem[]).flatMap(linksOf)
  assert.deepEqual(
    links.filter((link, index) => links.indexOf(link) !== index),
    [],
  )
})

test('the diagrams match their sources', () => {
  for (const [name, svg] of Object.entries(diagrams))
    assert.equal(
      readFileSync(join(import.meta.dirname, '../../../images', name), 'utf8'),
      svg,
      `${name}: run pnpm pictures`,
    )
})

test('REPOSITORY_URL sets the address of the repository', () => {
  const script = "console.log(JSON.stringify((await import('./config.ts')).default.themeConfig))"
  const settingsWith = (REPOSITORY_URL: string): object => {
    const env = { ...process.env, REPOSITORY_URL }
    const cwd = join(import.meta.dirname, '../..')
    return JSON.parse(
      execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd, env, encoding: 'utf8' }),
    ) as object
  }
  assert.partialDeepStrictEqual(settingsWith('https://git.example.com/acme/bcl/'), {
    editLink: { pattern: 'https://git.example.com/acme/bcl/edit/main/:path' },
    socialLinks: [{ link: 'https://git.example.com/acme/bcl' }],
  })
  assert.ok(!('editLink' in settingsWith('')) && !('socialLinks' in settingsWith('')))
})

test('a link to the root folder leads to the repository', () => {
  const script = `
    const { createMarkdownRenderer } = await import('vitepress')
    const { repositoryLinks } = await import('./markdown/repository-links.ts')
    const md = await createMarkdownRenderer('..', { config: repositoryLinks })
    console.log(md.render('Clone the [repository](..).', { path: process.cwd() + '/../index.md' }))`
  const cwd = join(import.meta.dirname, '../..')
  const rendered = (REPOSITORY_URL: string): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd,
      env: { ...process.env, REPOSITORY_URL },
      encoding: 'utf8',
    })
  assert.match(
    rendered('https://git.example.com/acme/bcl'),
    /<a href="https:\/\/git\.example\.com\/acme\/bcl"[^>]*>repository<\/a>/,
  )
  assert.match(rendered(''), /<p>Clone the <span>repository<\/span>\.<\/p>/)
})
