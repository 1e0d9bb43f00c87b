import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { conformanceCases, type ConformanceResult } from '@bcl/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bcl } from './bcl.ts'
import { startApplication, type Application } from './start-application.ts'

const examples = ['hono', 'koa', 'nestjs'].filter((name) =>
  existsSync(new URL(`../../../examples/${name}/package.json`, import.meta.url)),
)

const minute = 60_000

async function certify({ endpoint, providerPort }: Application, ...args: string[]) {
  const { code, out } = await bcl(['conformance', endpoint, '--port', String(providerPort), '--json', ...args])
  const { results } = JSON.parse(out) as { results: ConformanceResult[] }
  return { code, results, failed: results.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id) }
}

/** An application of this test. */
async function start(folder: string): Promise<Application> {
  const application = await startApplication(folder)
  onTestFinished(() => application.stop())
  return application
}

test.each(examples)('examples/%s passes all cases', { timeout: minute }, async (example) => {
  const { code, results } = await certify(await start(`examples/${example}`))
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
  expect(results).toHaveLength(conformanceCases.length)
  expect(code).toBe(0)
})

test('an application that holds the keys of an earlier run passes again', { timeout: minute }, async () => {
  const application = await start('examples/hono')
  await certify(application, '--only', 'accept/,refuse/')
  const { code, failed } = await certify(application, '--only', 'oidcc')
  expect(failed).toEqual([])
  expect(code).toBe(0)
})

describe('express-openid-connect', () => {
  const folder = 'packages/cli/test/express-openid-connect'

  test('fails what docs/conformance.md says', { timeout: minute }, async () => {
    const reports = await mkdtemp(join(tmpdir(), 'bcl-'))
    onTestFinished(() => rm(reports, { recursive: true }))
    const [junit, html] = [join(reports, 'results.xml'), join(reports, 'results.html')]
    const { code, results, failed } = await certify(await start(folder), '--junit', junit, '--html', html)
    expect(code).toBe(1)
    expect(results.filter(({ outcome }) => outcome === 'skipped')).toEqual([])
    const published = await readFile(new URL('../../../docs/conformance.md', import.meta.url), 'utf8')
    expect(failed.toSorted()).toEqual([...published.matchAll(/^\| `([\w/-]+)`/gm)].map(([, id]) => id).toSorted())

    const xml = await readFile(junit, 'utf8')
    expect(xml).toContain(`tests="${results.length}" failures="${failed.length}" skipped="0"`)
    expect(xml.match(/<failure /g)).toHaveLength(failed.length)
    const page = await readFile(html, 'utf8')
    expect(page.match(/<td class="failed">failed/g)).toHaveLength(failed.length)
    expect(page).not.toMatch(/<script|<link|src=/)
  })

  test('is told to people, and passes where 204 may', { timeout: minute }, async () => {
    const { endpoint, providerPort } = await start(folder)
    const args = ['conformance', endpoint, '--port', String(providerPort), '--only', 'answer/success-is-200']
    const strict = await bcl(args)
    expect(strict.code).toBe(1)
    expect(strict.out).toContain(`ISSUER=http://127.0.0.1:${providerPort}\nCLIENT_ID=bcl-client\n`)
    expect(strict.out).toContain('✗ answers a logout that succeeded with 200, not with another 2xx')
    expect(strict.out).toMatch(/wanted 200 exactly\n {2}got {4}answered 204/)
    expect(strict.out).toMatch(/^MUST +0 +1 +0$/m)
    // oxlint-disable-next-line no-control-regex -- no colours where nobody sees them
    expect(strict.out).not.toMatch(/\u001b/)
    const lenient = await bcl([...args, '--accept-204'])
    expect(lenient.code).toBe(0)
  })
})
