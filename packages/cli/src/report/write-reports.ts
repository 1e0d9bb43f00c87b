import { appendFile, writeFile } from 'node:fs/promises'
import type { ConformanceResult } from '@bcl/testing'
import { CommandError } from '../terminal/command-error.js'
import type { Channel, Output } from '../terminal/output.js'
import { formatHtml } from './html.js'
import { formatJUnit } from './junit.js'
import { writeSummary } from './text.js'

export interface ReportOptions {
  json?: boolean
  junit?: string
  html?: string
}

/** Checks that each report can be written, and throws if not. Runs before the conformance cases. */
export async function requireWritable({ junit, html }: ReportOptions): Promise<void> {
  for (const path of [junit, html]) {
    if (path === undefined) continue
    await appendFile(path, '').catch((error: Error) => {
      throw new CommandError(`${path} cannot be written (${error.message}).`, 'Use a path in a folder that exists.')
    })
  }
}

/** Writes the results in each format that the options name. Returns the exit code. The exit code is 1 if a MUST case failed. */
export async function writeReports(
  endpoint: string,
  results: readonly ConformanceResult[],
  { json, junit, html }: ReportOptions,
  { out }: Output,
  channel: Channel,
): Promise<number> {
  if (json) out.write(JSON.stringify({ endpoint, results }, undefined, 2))
  else writeSummary(results, channel)
  if (junit !== undefined) await writeFile(junit, formatJUnit(results))
  if (html !== undefined) await writeFile(html, formatHtml(results, { endpoint }))
  return results.some(({ outcome, grade }) => outcome === 'failed' && grade === 'MUST') ? 1 : 0
}
