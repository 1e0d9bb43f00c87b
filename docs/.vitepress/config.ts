import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { slug } from 'github-slugger'
import { defineConfig, type HeadConfig, type Plugin } from 'vitepress'
import { packageManagers } from './markdown/package-managers.ts'
import { repositoryLinks } from './markdown/repository-links.ts'
import { tabGroups } from './markdown/tabs.ts'
import { nav, sidebar } from './navigation.ts'
import { notPages, pageOf } from './pages.ts'
import { search } from './search.ts'
import { repositoryUrl, siteUrl } from './settings.ts'
import { writeTexts } from './texts.ts'

const description = 'OpenID Connect Back-Channel Logout for TypeScript servers'
const publicFolder = join(import.meta.dirname, 'public')

/** The Markdown files are in folders where Vue is not installed. Resolves Vue from the folder of the site. */
const vueOfTheSite: Plugin = {
  name: 'vue-of-the-site',
  enforce: 'pre',
  resolveId: (id, _importer, { ssr }) => (ssr && /^vue(?:$|\/)/.test(id) ? { id, external: true } : undefined),
}

function headOf(title: string): HeadConfig[] {
  const property = (name: string, content: string): HeadConfig => ['meta', { property: name, content }]
  const card = siteUrl === undefined ? [] : [property('og:image', `${siteUrl}/social-card.png`)]
  return [
    property('og:type', 'website'),
    property('og:title', title),
    property('og:description', description),
    ...card,
    ['meta', { name: 'twitter:card', content: 'summary_large_image' }],
  ]
}

// oxlint-disable-next-line import/no-default-export -- VitePress asks for it
export default defineConfig({
  title: '@bcl',
  description,
  lang: 'en',
  head: [['link', { rel: 'icon', href: '/favicon.svg', type: 'image/svg+xml' }]],
  transformHead: ({ title }) => headOf(title),
  // The Markdown files stay where they are: in docs/, in the packages (READMEs), and in the output of typedoc.
  srcDir: '..',
  srcExclude: notPages(),
  rewrites: (path) => pageOf(path) ?? path,
  ignoreDeadLinks: false,
  vite: { plugins: [vueOfTheSite], publicDir: publicFolder, build: { chunkSizeWarningLimit: 2000 } },
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // Uses the same anchors as GitHub, so that a link works in both places.
    anchor: { slugify: (heading: string) => slug(heading) },
    config(md) {
      repositoryLinks(md)
      packageManagers(md)
      tabGroups(md)
    },
  },
  transformPageData({ relativePath, frontmatter }) {
    // These settings are not in the Markdown file of the front page, because people also read that file without the site.
    const home = {
      pageClass: 'home',
      sidebar: false,
      aside: false,
      outline: false,
      prev: false,
      next: false,
      editLink: false,
    }
    if (relativePath === 'index.md') Object.assign(frontmatter, home)
    // Generated pages have no link for editing.
    if (/^(?:api\/|changelog)/.test(relativePath)) frontmatter['editLink'] = false
  },
  async buildEnd({ outDir, pages }) {
    cpSync(publicFolder, outDir, { recursive: true })
    // The Markdown versions use these copies. The pages of the site use copies with other names.
    cpSync(join(import.meta.dirname, '../images'), join(outDir, 'images'), { recursive: true })
    writeTexts(outDir, pages, description)
  },
  themeConfig: {
    logo: { light: '/logo-light.svg', dark: '/logo-dark.svg', alt: '' },
    nav,
    sidebar,
    outline: [2, 3],
    search: { provider: 'local', options: search },
    ...(repositoryUrl !== undefined && {
      editLink: {
        pattern: `${repositoryUrl}/edit/main/:path`,
        text: 'Edit this page',
      },
      socialLinks: [{ icon: 'github', link: repositoryUrl }],
    }),
  },
})
