import axe from 'axe-core'
import type { Page } from 'playwright-core'

const everything = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']"

/**
 * Runs axe-core. Checks all rules of WCAG 2 with the light colours, and only the contrast with the dark colours. Returns one
 * line for each violation.
 */
export async function violationsOf(page: Page): Promise<string[]> {
  const found: string[] = []
  // Does not add axe as a script element, because the Content-Security-Policy of the page would refuse it.
  await page.evaluate(axe.source)
  for (const [colorScheme, rules] of [
    ['light', everything],
    ['dark', "['color-contrast']"],
  ] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const { violations } = (await page.evaluate(`axe.run({ runOnly: ${rules}, iframes: false })`)) as axe.AxeResults
    for (const { id, help, nodes } of violations) {
      for (const { html } of nodes) found.push(`${page.url()}, ${colorScheme}: ${id}: ${help}: ${html}`)
    }
  }
  return found
}
