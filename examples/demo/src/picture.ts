import type { Browser, Page } from 'playwright-core'

/** Takes the picture of the README. The first page is at the top. The other pages are side by side below it. */
export async function takePicture(browser: Browser, pages: readonly Page[]): Promise<Buffer> {
  const windows = await Promise.all(pages.map(pageAsWindow))
  const page = await browser.newPage({ viewport: { width: 1080, height: 100 } })
  try {
    await page.setContent(`<!doctype html>
      <style>
        body { margin: 0; padding: 20px; background: #e4e7ee; display: grid; grid-template-columns: repeat(3, 1fr); gap: 20px }
        figure { margin: 0; background: #fff; border-radius: 8px; overflow: hidden; box-shadow: 0 1px 6px #0003 }
        figure:first-of-type { grid-column: 1 / -1 }
        figcaption { font: 12px system-ui, sans-serif; color: #555; background: #f4f4f6; padding: 7px 12px; border-bottom: 1px solid #ddd }
        img { display: block; margin: auto; max-width: 100% }
      </style>
      ${windows.join('')}`)
    return await page.screenshot({ fullPage: true })
  } finally {
    await page.close()
  }
}

async function pageAsWindow(page: Page): Promise<string> {
  const png = await page.screenshot()
  return `<figure>
    <figcaption>${page.url()}</figcaption>
    <img src="data:image/png;base64,${png.toString('base64')}" />
  </figure>`
}
