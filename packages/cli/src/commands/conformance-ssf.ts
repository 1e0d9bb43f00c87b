import type { ConformanceResult } from '@bcl/testing'
import { waitFor } from '../network/wait-for.js'
import { describeProvider } from '../provider/serve-provider.js'
import { formatHead, formatResult } from '../report/text.js'
import { requireWritable, writeReports, type ReportOptions } from '../report/write-reports.js'
import { pushCases, runPushCase, type PushCase } from '../security-events/run-cases.js'
import { describeTransmitter, serveTransmitter, type TransmitterOptions } from '../security-events/serve-transmitter.js'
import { CommandError } from '../terminal/command-error.js'
import type { Output } from '../terminal/output.js'

export interface SecurityEventConformanceOptions extends TransmitterOptions, ReportOptions {
  only?: string[]
  /** Seconds to wait for the application to start. */
  wait: number
  /** Seconds that one answer may take. */
  timeout: number
}

/** Returns the cases that match one of the names. A name is an id, the beginning of an id, a group, a grade or a requirement. */
function selectPushCases(only: readonly string[] = []): readonly PushCase[] {
  const matches = ({ id, group, grade, requirement }: PushCase, name: string): boolean =>
    id.startsWith(name) || [group, grade, requirement].includes(name)
  const selected = pushCases.filter((one) => only.length === 0 || only.some((name) => matches(one, name)))
  if (selected.length > 0) return selected
  throw new CommandError('No case has such a name.', '"bcl conformance --ssf --list" shows the cases.')
}

/** Lists the cases, one per line. Does not run them. */
export function listPushCases({ only, json }: { only?: string[]; json?: boolean }, { out }: Output): void {
  const cases = selectPushCases(only)
  if (json) return out.write(JSON.stringify({ cases }, undefined, 2))
  for (const { id, grade, title, requirement } of cases)
    out.write(`${id} ${out.style('dim', `${grade}, ${requirement}:`)} ${title}`)
}

/**
 * Sends right and wrong Security Event Tokens to a push receiver. Returns the exit code. The exit code is 1 if a MUST case
 * failed.
 */
export async function securityEventConformance(
  url: string,
  options: SecurityEventConformanceOptions,
  output: Output,
): Promise<number> {
  const { only, json } = options
  const selected = selectPushCases(only)
  await requireWritable(options)
  const served = await serveTransmitter(options)
  try {
    const channel = json ? output.notes : output.out
    const { issuer } = served.provider.op
    channel.write(`${describeProvider(served)}\n${describeTransmitter(issuer, options)}`)
    await waitFor(url, options.wait, () => channel.write(`Waiting for ${url} ...`))
    if (!json) channel.write(formatHead(channel))
    const results: ConformanceResult[] = []
    for (const one of selected) {
      const result = await runPushCase(url, one, served.transmitter, options)
      results.push(result)
      if (!json) channel.write(formatResult(result, channel))
    }
    return await writeReports(url, results, options, output, channel)
  } finally {
    await served.close()
  }
}
