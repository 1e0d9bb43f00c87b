import type { Page } from '../../../examples/demo/src/browser.ts'
import type { Browser } from './provider.ts'

/** Submits the first form of a page, with its hidden fields and `fields`. */
export async function submitForm(browser: Browser, page: Page, fields: Record<string, string> = {}): Promise<Page> {
  const form = /<form\b[^>]*>[\s\S]*?<\/form>/.exec(page.body)?.[0]
  if (form === undefined)
    throw new Error(`${page.url} has no form: ${page.status} ${page.body.replace(/<[^>]*>|\s+/g, ' ').slice(0, 300)}`)
  const action = attribute(/<form\b[^>]*>/.exec(form)![0], 'action') ?? page.url
  const hidden = [...form.matchAll(/<input\b[^>]*>/g)]
    .map(([tag]) => tag)
    .filter((tag) => attribute(tag, 'type') === 'hidden')
    .map((tag) => [attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? ''] as const)
  return browser.post(new URL(action, page.url).href, { ...Object.fromEntries(hidden), ...fields })
}

function attribute(tag: string, name: string): string | undefined {
  return new RegExp(`\\b${name}=["']([^"']*)["']`).exec(tag)?.[1]?.replaceAll('&amp;', '&')
}
