// Writes the diagrams to docs/images, and the social card to the public files of the site.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { repository } from '../pages.ts'
import { diagrams } from './diagrams.ts'

for (const [name, svg] of Object.entries(diagrams)) writeFileSync(join(repository, 'docs/images', name), svg)

const publicFolder = join(import.meta.dirname, '../public')
const logo = readFileSync(join(publicFolder, 'logo-light.svg'), 'utf8')
const card = `<!doctype html>
  <style>
    body { margin: 0; width: 1200px; height: 630px; box-sizing: border-box; padding: 90px; background: #fff; color: #1f2328;
      font-family: system-ui, sans-serif; border-bottom: 16px solid #2da44e; display: flex; flex-direction: column; justify-content: center }
    svg { width: 128px; height: 128px }
    h1 { font-size: 68px; line-height: 1.15; margin: 36px 0 20px; letter-spacing: -0.02em }
    p { font-size: 30px; margin: 0; color: #515a64 }
  </style>
  ${logo}
  <h1>Back-channel logout<br>for TypeScript servers</h1>
  <p>@bcl ends the session when the OpenID Provider ends it.</p>`

const executablePath = execFileSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim()
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  const page = await browser.newPage({ viewport: { width: 1200, height: 630 } })
  await page.setContent(card)
  await page.screenshot({ path: join(publicFolder, 'social-card.png') })
} finally {
  await browser.close()
}
