import { writeFile } from 'node:fs/promises'
import { conformanceCases, runConformance, type ConformanceResult } from '@bcl/testing'
import { formatHtml } from './format-html.js'
import { formatJUnit } from './format-junit.js'
import { formatFailure, formatResult, formatSums } from './format-text.js'
import { aside, type Output } from './output.js'
import { Problem } from './problem.js'
import { waitFor } from './reach.js'
import { environmentOf, serveProvider } from './serve-provider.js'

/** Seconds for which an application may hold on to the keys of an earlier run: as long as the slowest known. */
const keysPatience = 35

export interface ConformanceCommandOptions {
  port: number
  issuer?: string
  clientId: string
  clientSecret: string
  login?: string
  me?: string
  signIn: boolean
  only?: string[]
  accept204?: boolean
  wait: number
  timeout: number
  json?: boolean
  junit?: string
  html?: string
}

/** One line for each case, without running any. */
export function listCases({ out, style }: Output): void {
  for (const { id, grade, title, requirement } of conformanceCases) {
    out(`${id} ${style('dim', `${grade}, ${requirement}`)} ${title}`)
  }
}

async function save(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((error: Error) => {
    throw new Problem(`${path} cannot be written (${error.message}).`, 'Give a path in a folder that exists.')
  })
}

function report(results: readonly ConformanceResult[], output: Output): void {
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  for (const result of failed) output.out(`\n${formatFailure(result, output)}`)
  output.out(`\n${formatSums(results)}`)
  const skipped = results.find(({ outcome }) => outcome === 'skipped')
  if (skipped) output.out(output.style('dim', `skipped because ${skipped.got}`))
}

/** Runs the cases against an application, and gives the exit code. */
export async function conformance(url: string, options: ConformanceCommandOptions, output: Output): Promise<number> {
  const { only, accept204, timeout, json, junit, html } = options
  const served = await serveProvider(options)
  try {
    const said = json ? aside(output) : output
    said.out('An OpenID Provider is up for your application to trust:\n')
    said.out(`${environmentOf(served.provider)}\n`)
    await waitFor(url, options.wait, () => said.out(`Waiting for ${url} ...`))
    const results = await runConformance(fetch, {
      provider: served.provider,
      endpoint: url,
      signIn: options.signIn
        ? { login: options.login ?? new URL('/login', url).href, me: options.me ?? new URL('/me', url).href }
        : undefined,
      only,
      accept204,
      timeout,
      patience: Math.min(options.wait, keysPatience),
      onWait: () => said.out('It refuses a good token; it may still hold the keys of an earlier run. Waiting ...'),
      onResult: (result) => said.out(formatResult(result, said)),
    })
    if (results.length === 0) {
      throw new Problem(`No case is named ${only?.join(', ')}.`, 'See what there is with "bcl conformance --list".')
    }
    report(results, said)
    if (json) output.out(JSON.stringify({ endpoint: url, results }, undefined, 2))
    if (junit !== undefined) await save(junit, formatJUnit(results))
    if (html !== undefined) await save(html, formatHtml(results, { endpoint: url }))
    return results.some(({ outcome, grade }) => outcome === 'failed' && grade === 'MUST') ? 1 : 0
  } finally {
    await served.close()
  }
}
