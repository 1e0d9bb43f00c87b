import { slug } from 'github-slugger'
import { defineConfig, type DefaultTheme, type Plugin } from 'vitepress'
import { notPages, pageOf } from './pages.ts'
import { repositoryLinks } from './repository-links.ts'

const packages = [
  'core',
  'hono',
  'koa',
  'express',
  'fastify',
  'nestjs',
  'node',
  'redis',
  'sql',
  'ssf',
  'testing',
  'cli',
]
const examples = ['hono', 'koa', 'express', 'fastify', 'nestjs', 'provider']
const item = (text: string, link: string): DefaultTheme.SidebarItem => ({ text, link })

const sidebar: DefaultTheme.SidebarItem[] = [
  {
    text: 'Start',
    items: [
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
    ],
  },
  {
    text: 'Understand',
    items: [item('Concepts', '/concepts'), item('Design', '/design'), item('What is guaranteed', '/security')],
  },
  {
    text: 'Build',
    items: [
      item('Settings for your provider', '/providers'),
      item('Session libraries', '/sessions'),
      item('Sign out everywhere', '/sign-out-everywhere'),
      item('Security events', '/security-events'),
      item('Stores', '/stores'),
      item('Testing your application', '/testing'),
      item('Migrating', '/migrating'),
    ],
  },
  {
    text: 'Run',
    items: [
      item('On Kubernetes', '/deploying/kubernetes'),
      item('On Workers', '/deploying/workers'),
      item('Operating it', '/operating'),
      item('Errors', '/errors'),
    ],
  },
  {
    text: 'Evidence',
    items: [
      item('Requirements', '/requirements'),
      item('Conformance', '/conformance'),
      item('Hard to break', '/robustness'),
      item('Runtimes', '/runtimes'),
      item('Real providers', '/interop'),
      item('Benchmarks', '/benchmarks'),
    ],
  },
  { text: 'Packages', items: packages.map((name) => item(`@bcl/${name}`, `/packages/${name}`)) },
  { text: 'Examples', items: examples.map((name) => item(name, `/examples/${name}`)) },
  {
    text: 'API reference',
    link: '/api/',
    collapsed: true,
    items: packages.map((name) => item(`@bcl/${name}`, `/api/${name}`)),
  },
  { text: 'Roadmap', link: '/roadmap' },
  { text: 'Contributing', link: '/contributing' },
]

/** A session that ends. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M1 6h9v4H1z" fill="#1a7f37"/><path
d="M12 2v12" stroke="#cf222e" stroke-width="2"/></svg>`

/** The pages lie where Vue is not installed; what is rendered from them runs where it is. */
const vueOfTheSite: Plugin = {
  name: 'vue-of-the-site',
  enforce: 'pre',
  resolveId: (id, _importer, { ssr }) => (ssr && /^vue(?:$|\/)/.test(id) ? { id, external: true } : undefined),
}

// oxlint-disable-next-line import/no-default-export -- VitePress asks for it
export default defineConfig({
  title: '@bcl',
  description: 'OpenID Connect Back-Channel Logout for TypeScript servers',
  lang: 'en',
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  // Pages are where they are read without a site: docs/, the READMEs of the packages, and what typedoc writes.
  srcDir: '..',
  srcExclude: notPages(),
  rewrites: (path) => pageOf(path) ?? path,
  ignoreDeadLinks: false,
  vite: { plugins: [vueOfTheSite] },
  markdown: {
    // GitHub's own, so that one anchor is right there and here.
    anchor: { slugify: (heading: string) => slug(heading) },
    config: repositoryLinks,
  },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start/hono' },
      { text: 'Concepts', link: '/concepts' },
      { text: 'Providers', link: '/providers' },
      { text: 'Errors', link: '/errors' },
      { text: 'API', link: '/api/' },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
  },
})
