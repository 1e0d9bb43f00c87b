import { appendFile, writeFile } from 'node:fs/promises'
import {
  runConformance,
  selectConformanceCases,
  SignInError,
  type ConformanceCase,
  type ConformanceResult,
  type SignInContract,
} from '@bcl/testing'
import { formatHtml } from '../report/html.js'
import { formatJUnit } from '../report/junit.js'
import { formatFailure, formatHead, formatResult, formatSums, formatVerdict } from '../report/text.js'
import type { Channel, Output } from '../terminal/output.js'
import { Problem, sentence } from '../terminal/problem.js'
import { reasonOf, waitFor } from '../network/reach.js'
import { introduce, serveProvider } from '../provider/serve-provider.js'

/** Seconds for which an application may hold on to the keys of an earlier run: as long as the slowest known. */
const keysPatience = 65

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

function select(only: readonly string[] | undefined): readonly ConformanceCase[] {
  try {
    return selectConformanceCases(only)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const remedy = 'Name ids, beginnings of them, groups, grades or requirements, as "bcl conformance --list" has them.'
    throw new Problem(sentence(error.message), remedy)
  }
}

/** One line for each case, without running any. */
export function listCases({ only, json }: Pick<ConformanceCommandOptions, 'only' | 'json'>, { out }: Output): void {
  const cases = select(only)
  if (json) return out.write(JSON.stringify({ cases }, undefined, 2))
  for (const { id, grade, title, requirement } of cases) {
    out.write(`${id} ${out.style('dim', `${grade}, ${requirement}:`)} ${title}`)
  }
}

/** Says so before the cases are run where a report cannot be written after them. */
async function requireWritable(path: string): Promise<void> {
  await appendFile(path, '').catch((error: Error) => {
    throw new Problem(`${path} cannot be written (${error.message}).`, 'Give a path in a folder that exists.')
  })
}

/** Where browsers sign in: as named, else at the usual addresses, if the first of them leads anywhere. */
async function findSignIn(
  url: string,
  { signIn, login, me }: ConformanceCommandOptions,
  { write }: Channel,
): Promise<SignInContract | undefined> {
  if (!signIn) return undefined
  const contract = { login: login ?? new URL('/login', url).href, me: me ?? new URL('/me', url).href }
  if (login !== undefined || me !== undefined) return contract
  const found = await fetch(contract.login, { redirect: 'manual', signal: AbortSignal.timeout(10_000) }).then(
    ({ status }) => (status >= 300 && status < 400 ? undefined : `answered ${status}, no redirect`),
    reasonOf,
  )
  if (found === undefined) return contract
  write(`${contract.login} does not lead to a sign-in (${found}): sessions are not looked at.`)
  write('Name the addresses by --login and --me, or say --no-sign-in.\n')
  return undefined
}

function report(results: readonly ConformanceResult[], { write, style }: Channel): void {
  for (const result of results) if (result.outcome === 'failed') write(`\n${formatFailure(result, { write, style })}`)
  write(`\n${formatSums(results)}\n`)
  const reasons = new Set(results.filter(({ outcome }) => outcome === 'skipped').map(({ got }) => got))
  for (const reason of reasons) write(style('dim', `Some were skipped: ${reason}.`))
  write(style('bold', formatVerdict(results)))
}

/** Runs the cases against an application, and gives the exit code. */
export async function conformance(url: string, options: ConformanceCommandOptions, output: Output): Promise<number> {
  const { only, accept204, timeout, json, junit, html } = options
  const selected = select(only)
  for (const path of [junit, html]) if (path !== undefined) await requireWritable(path)
  const served = await serveProvider(options)
  try {
    const said = json ? output.notes : output.out
    said.write(introduce(served.provider))
    await waitFor(url, options.wait, () => said.write(`Waiting for ${url} ...`))
    const signIn = await findSignIn(url, options, said)
    if (!json) said.write(formatHead(said))
    let settled = 0
    const results = await runConformance(fetch, {
      provider: served.provider,
      endpoint: url,
      signIn,
      only,
      accept204,
      timeout,
      patience: Math.min(options.wait, keysPatience),
      onWait: () => said.write('It refuses a good token; it may hold the keys of another run. Waiting ...'),
      onProgress: ({ id }) => output.progress(`${settled} of ${selected.length} done: ${id}`),
      onResult(result) {
        settled += 1
        if (!json) said.write(formatResult(result, said))
      },
    })
    if (json) output.out.write(JSON.stringify({ endpoint: url, results }, undefined, 2))
    else report(results, said)
    if (junit !== undefined) await writeFile(junit, formatJUnit(results))
    if (html !== undefined) await writeFile(html, formatHtml(results, { endpoint: url }))
    return results.some(({ outcome, grade }) => outcome === 'failed' && grade === 'MUST') ? 1 : 0
  } catch (error) {
    if (!(error instanceof SignInError)) throw error
    const remedy =
      'See that your application has what is printed above, name its addresses by --login and --me, or say --no-sign-in.'
    throw new Problem(sentence(error.message), remedy)
  } finally {
    await served.close()
  }
}
