import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DefaultTheme } from 'vitepress'
import { repository } from './pages.ts'
import { version } from './settings.ts'

type Item = DefaultTheme.SidebarItem

const item = (text: string, link: string): Item => ({ text, link })
const packages = 'core hono koa express fastify nestjs node redis sql ssf testing cli'.split(' ')
const examples = 'hono koa express fastify nestjs nextjs provider'.split(' ')

const start = [
  item('What it is', '/'),
  item('Who should use it', '/who-should-use-this'),
  item('Hono', '/start/hono'),
  item('Koa', '/start/koa'),
  item('NestJS', '/start/nestjs'),
  item('Express', '/start/express'),
  item('Fastify', '/start/fastify'),
  item('Next.js', '/start/nextjs'),
  item('Next.js with Auth.js', '/start/nextjs-authjs'),
  item('SvelteKit', '/start/sveltekit'),
  item('Bun', '/start/bun'),
  item('Deno', '/start/deno'),
  item('Workers', '/start/workers'),
  item('Passport', '/guides/passport'),
  item('Better Auth', '/guides/better-auth'),
  item('Nuxt, Astro, Elysia and more', '/guides/other-frameworks'),
]
const guides = [
  item('Concepts', '/concepts'),
  item('Session libraries', '/sessions'),
  item('Sign out everywhere', '/sign-out-everywhere'),
  item('Live pages', '/guides/live'),
  item('Several tenants', '/guides/tenants'),
  item('Refresh tokens', '/guides/refresh-tokens'),
  item('Access tokens', '/guides/access-tokens'),
  item('NestJS in depth', '/guides/nestjs'),
  item('Testing your application', '/testing'),
  item('Migrating', '/migrating'),
]
const securityEvents = [
  item('Security events', '/security-events'),
  item('What each event does', '/security-events/what-each-event-does'),
  item('From Keycloak', '/security-events/keycloak'),
  item('From Google', '/security-events/google'),
]
const providers = [item('Settings for your provider', '/providers'), item('Tested providers', '/interop')]
const operate = [
  item('Stores', '/stores'),
  item("In your ORM's database", '/guides/orms'),
  item('Operating it', '/operating'),
  item('Metrics and traces', '/guides/metrics'),
  item('Rate limits and firewalls', '/guides/rate-limits'),
  item('The provider is down', '/guides/provider-down'),
  item('With Docker', '/deploying/docker'),
  item('On Kubernetes', '/deploying/kubernetes'),
  item('On Workers', '/deploying/workers'),
  item('With millions of logouts', '/deploying/capacity'),
  item('In several regions', '/deploying/regions'),
]
const reference = [
  item('Errors', '/errors'),
  item('API reference', '/api/'),
  item('What is guaranteed', '/security'),
  item('Design', '/design'),
  item('Requirements', '/requirements'),
  item('Conformance', '/conformance'),
  item('Hard to break', '/robustness'),
  item('Runtimes', '/runtimes'),
  item('Benchmarks', '/benchmarks'),
]
const project = [
  item('Release notes', '/releases'),
  item('Changelog', '/changelog'),
  item('Roadmap', '/roadmap'),
  item('Contributing', '/contributing'),
]

const named = new Set(
  [...start, ...guides, ...securityEvents, ...providers, ...operate, ...reference, ...project].map(({ link }) => link),
)

/** Returns the pages of a folder that no list above contains. So the navigation also shows a new page. */
function others(pattern: string): Item[] {
  const files = globSync(pattern, { cwd: join(repository, 'docs') }).toSorted()
  return files.flatMap((file) => {
    const link = `/${file.replace(/\.md$/, '')}`
    if (named.has(link) || file === 'index.md') return []
    return item(titleOf(join(repository, 'docs', file)), link)
  })
}

/** The first heading, without the escapes of Markdown. */
const titleOf = (file: string): string =>
  /^# (.+)$/m.exec(readFileSync(file, 'utf8'))?.[1]?.replaceAll('\\', '') ?? file

/** Returns the side bar of a package in the API reference. Typedoc writes one page per export. */
function apiOf(name: string): [path: string, items: Item[]] {
  const folder = join(repository, 'docs/api/@bcl', name)
  const pages = globSync('**/*.md', { cwd: folder }).filter((path) => !path.endsWith('index.md'))
  const titled = pages.map((path) => item(titleOf(join(folder, path)), `/api/${name}/${path.replace(/\.md$/, '')}`))
  const exported = titled.toSorted((a, b) => a.text!.localeCompare(b.text!))
  const others = packages.filter((other) => other !== name).map((other) => item(`@bcl/${other}`, `/api/${other}/`))
  return [
    `/api/${name}/`,
    [
      { text: `@bcl/${name}`, link: `/api/${name}/`, items: exported },
      { text: 'Other packages', items: others },
    ],
  ]
}

/** Returns a group that opens on a click. Its title is a link. Otherwise VitePress would put a button into a button. */
const folded = (text: string, items: Item[]): Item => ({ text, link: items[0]!.link!, collapsed: true, items })

const main: Item[] = [
  { text: 'Start', items: [...start, ...others('start/*.md')] },
  { text: 'Guides', items: [...guides, ...others('*.md'), ...others('{guides,security-events}/*.md')] },
  { text: 'Security events', items: [...securityEvents, ...others('security-events/*.md')] },
  { text: 'Providers', items: providers },
  { text: 'Operate', items: [...operate, ...others('deploying/*.md')] },
  { text: 'Reference', items: reference },
  folded(
    'Packages',
    packages.map((name) => item(`@bcl/${name}`, `/packages/${name}`)),
  ),
  folded(
    'Examples',
    examples.map((name) => item(name, `/examples/${name}`)),
  ),
  { text: 'Project', items: project },
]
export const sidebar: DefaultTheme.SidebarMulti = { ...Object.fromEntries(packages.map(apiOf)), '/': main }

/** Matches the pages of one section, to highlight its entry at the top. */
const pagesOf = (items: readonly Item[]): string => `^(?:${items.map(({ link }) => link).join('|')})(?:\\.html)?$`

export const nav: DefaultTheme.NavItem[] = [
  { text: 'Start', link: '/start/hono', activeMatch: '^/start/' },
  { text: 'Guides', link: '/concepts', activeMatch: pagesOf([...guides, ...securityEvents]) },
  { text: 'Providers', link: '/providers', activeMatch: pagesOf(providers) },
  { text: 'Operate', link: '/operating', activeMatch: pagesOf(operate) },
  { text: 'Reference', link: '/api/', activeMatch: '^/(?:api|packages)/' },
  { text: version, items: project as DefaultTheme.NavItemWithLink[] },
]
