import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository as root } from './pages.ts'

/** Returns a URL from the environment, without a slash at its end. */
function address(name: string): string | undefined {
  const value = process.env[name]?.replace(/\/+$/, '')
  if (!value) return undefined
  if (!/^https?:\/\//.test(value)) throw new Error(`${name} must be an http or https address, got ${value}`)
  return value
}

/** The URL of the repository on a code host. Without it, pages have no "Edit this page" and no link to the repository. */
export const repositoryUrl = address('REPOSITORY_URL')

/** The URL of the site. Without it, pages have no social card, because a card needs an absolute URL. */
export const siteUrl = address('SITE_URL')

const manifest = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8')) as { version: string }

/** The version that the pages describe. */
export const version = manifest.version === '0.0.0' ? 'Not released yet' : `v${manifest.version}`
