import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { conformanceCases, sumUp, type ConformanceResult } from '@bcl/testing'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bcl } from '../bcl.ts'
import { serve } from '../serve.ts'
import { startApplication, type Application } from '../start-application.ts'

const examples = ['hono', 'koa', 'nestjs'].filter((name) =>
  existsSync(new URL(`../../../../examples/${name}/package.json`, import.meta.url)),
)

const patience = 240_000

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

test.each(examples)('examples/%s passes all cases', { timeout: patience }, async (example) => {
  const { code, results } = await certify(await start(`examples/${example}`))
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
  expect(results).toHaveLength(conformanceCases.length)
  expect(code).toBe(0)
})

test('an application that has the keys of the run before passes again', { timeout: patience }, async () => {
  const application = await start('examples/hono')
  const only = ['--only', 'oidcc,accept/a-key-published-just-now']
  for (const run of ['first', 'second']) {
    const { results } = await certify(application, ...only)
    expect(
      results.filter(({ outcome }) => outcome !== 'passed'),
      run,
    ).toEqual([])
  }
})

describe('express-openid-connect', () => {
  const folder = 'packages/cli/test/express-openid-connect'

  test('fails what docs/conformance.md says', { timeout: patience }, async () => {
    const reports = await mkdtemp(join(tmpdir(), 'bcl-'))
    onTestFinished(() => rm(reports, { recursive: true }))
    const [junit, html] = [join(reports, 'results.xml'), join(reports, 'results.html')]
    const { code, results, failed } = await certify(await start(folder), '--junit', junit, '--html', html)
    expect(code).toBe(1)
    expect(results.filter(({ outcome }) => outcome === 'skipped')).toEqual([])
    const published = await readFile(new URL('../../../../docs/conformance.md', import.meta.url), 'utf8')
    const rows = [...published.matchAll(/^\| (.*) \|$/gm)].map(([, row]) =>
      row!.split(/ +\| +/).map((cell) => cell.trim()),
    )
    const differing = rows.filter(([name]) => name!.startsWith('`'))
    expect(failed.map((id) => `\`${id}\``)).toEqual(differing.map(([name]) => name))
    for (const row of differing) expect(row.slice(3, -1)).toEqual(examples.map(() => 'passed'))
    for (const [grade, { passed, failed: not }] of Object.entries(sumUp(results))) {
      const all = passed + not
      const row = [grade, ...examples.map(() => `${all} of ${all}`), `${passed} of ${all}`]
      expect(rows).toContainEqual(row)
    }

    const xml = await readFile(junit, 'utf8')
    expect(xml).toContain(`tests="${results.length}" failures="${failed.length}" skipped="0"`)
    expect(xml.match(/<failure /g)).toHaveLength(failed.length)
    const page = await readFile(html, 'utf8')
    expect(page.match(/<td class="failed">failed/g)).toHaveLength(failed.length)
    expect(page).not.toMatch(/<script|<link|src=/)
  })

  test('is told to people, and passes where 204 may', { timeout: patience }, async () => {
    const { endpoint, providerPort } = await start(folder)
    const args = ['conformance', endpoint, '--port', String(providerPort), '--only', 'answer/success-is-200']
    const strict = await bcl(args)
    expect(strict.code).toBe(1)
    expect(strict.out).toContain(`ISSUER=http://127.0.0.1:${providerPort}\nCLIENT_ID=bcl-client\n`)
    expect(strict.out).toMatch(/^✗ MUST +answers a successful logout with 200, .*\n +answered 204$/m)
    expect(strict.out).toContain('It does not do what it must: 1 of 1 MUST cases failed.')
    expect(strict.err).toBe('')
    expect(strict.out).toMatch(/wanted 200 exactly\n {2}got {4}answered 204/)
    expect(strict.out).toMatch(/^MUST +0 +1 +0$/m)
    // oxlint-disable-next-line no-control-regex -- no colours where nobody sees them
    expect(strict.out).not.toMatch(/\u001b/)
    const lenient = await bcl([...args, '--accept-204'])
    expect(lenient.code).toBe(0)
    const foundation = await bcl([...args.slice(0, 4), '--only', 'oidcc', '--accept-204'])
    expect(foundation.out).toContain('It does what it must, in 8 of 8 cases.')
  })
})

describe('an application where nobody can sign in as is said', () => {
  test('is an error where it was named', { timeout: patience }, async () => {
    const { endpoint, providerPort } = await start('examples/hono')
    const args = ['conformance', endpoint, '--port', String(providerPort), '--only', 'answer/success-is-200']
    const healthz = new URL('/healthz', endpoint).href
    const { code, err } = await bcl([...args, '--me', healthz])
    expect(err).toBe(
      `Nobody can sign in: ${healthz} answers 200 to a browser that is not signed in.\nSee that your application has what ` +
        'is printed above, name its addresses by --login and --me, or say --no-sign-in.\n',
    )
    expect(code).toBe(2)
  })

  test('is looked at without sessions where it was not', { timeout: patience }, async () => {
    const url = await serve((request, response) => {
      response.writeHead(request.method === 'POST' ? 400 : 404, { 'cache-control': 'no-store' }).end()
    })
    const args = [
      'conformance',
      `${url}/logout`,
      '--port',
      '0',
      '--wait',
      '0.1',
      '--only',
      'request/an-empty-body,session',
    ]
    const guessing = await bcl(args)
    expect(guessing.out).toContain(
      `${url}/login does not lead to a sign-in (answered 404, no redirect): sessions are not`,
    )
    expect(guessing.out).toMatch(/^MUST +1 +0 +\d+$/m)
    expect(guessing.out).toContain('Some were skipped: no sign-in addresses were given.')
    expect(guessing.code).toBe(0)
    const told = await bcl([...args, '--no-sign-in', '--json'])
    expect(told.err).not.toContain('does not lead')
    const { results } = JSON.parse(told.out) as { results: ConformanceResult[] }
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['passed', 'skipped']))
  })
})
