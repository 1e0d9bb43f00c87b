import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { TrustedIssuer } from '@bcl/core'
import type { Finding } from './inspect-remedies.js'
import { inspectLogoutToken, type Inspection } from './inspect-token.js'
import type { Output } from './output.js'
import { Problem } from './problem.js'

export interface InspectCommandOptions {
  issuer?: string
  clientId?: string
  keys?: string
  json?: boolean
}

/** From standard input it stays out of the shell's history. A form's `logout_token=` before it does no harm. */
async function readInput(): Promise<string> {
  if (process.stdin.isTTY) throw new Problem('No token was given.', 'Name it, or pipe it in: pbpaste | bcl inspect')
  const input = await text(process.stdin)
  return input.trim().replace(/^logout_token=/, '')
}

async function readKeys(where: string): Promise<TrustedIssuer['keys']> {
  if (/^https?:/.test(where)) return new URL(where)
  try {
    return JSON.parse(await readFile(where, 'utf8')) as TrustedIssuer['keys']
  } catch (error) {
    throw new Problem(
      `${where} has no keys (${(error as Error).message}).`,
      'Give the URL of a JWK Set, or a file that has one.',
    )
  }
}

/** A time, with how long ago it is. */
function dated(value: unknown): string {
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > 8e12) return ''
  const seconds = Math.round(value - Date.now() / 1000)
  const distance = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `  ${new Date(value * 1000).toISOString()}, ${distance}`
}

const lines = (members: Record<string, unknown>, { style }: Output): string[] =>
  Object.entries(members).map(([name, value]) => {
    const when = ['iat', 'exp', 'nbf', 'auth_time'].includes(name) ? style('dim', dated(value)) : ''
    return `  ${style('cyan', name.padEnd(8))} ${JSON.stringify(value)}${when}`
  })

const spell = (settings: object): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(', ')

const describe = ({ problem, remedy, settings }: Finding, { style }: Output): string =>
  `${style('red', '✗')} ${problem}\n  ${remedy}${settings ? `\n  Accepted with: ${spell(settings)}` : ''}`

/** Who is meant, in words. */
function scopeOf({ claims = {} }: Inspection): string {
  const { sub, sid } = claims
  if (typeof sid === 'string') return `It ends the session ${JSON.stringify(sid)}, and no other.`
  return typeof sub === 'string'
    ? `It ends all sessions of ${JSON.stringify(sub)}. For one session, register backchannel_logout_session_required.`
    : 'It names nobody.'
}

function print(inspection: Inspection, output: Output): void {
  const { header, claims, findings, signature, settings } = inspection
  output.out(output.style('bold', 'Header'))
  for (const line of lines(header, output)) output.out(line)
  if (claims) {
    output.out(output.style('bold', 'Claims'))
    for (const line of lines(claims, output)) output.out(line)
    output.out(`\n${scopeOf(inspection)}`)
  }
  output.out(
    signature === 'unchecked'
      ? 'The signature was not checked: give --issuer or --keys.'
      : `The signature is ${signature}.`,
  )
  output.out('')
  for (const finding of findings) output.out(describe(finding, output))
  if (findings.length === 0) output.out(`${output.style('green', '✓')} Nothing is wrong with what it says.`)
  else if (findings.every((finding) => finding.settings)) output.out(`\nConfigure: { ${spell(settings)} }`)
}

/** Says what a token says, and gives the exit code. */
export async function inspect(
  token: string | undefined,
  { issuer, clientId, keys, json }: InspectCommandOptions,
  output: Output,
): Promise<number> {
  const inspection = await inspectLogoutToken(token ?? (await readInput()), {
    issuer,
    clientId,
    keys: keys === undefined ? undefined : await readKeys(keys),
  })
  if (typeof inspection === 'string') {
    throw new Problem(inspection, 'Copy it whole: three parts of letters, digits, - and _, with dots between them.')
  }
  if (json) output.out(JSON.stringify(inspection, undefined, 2))
  else print(inspection, output)
  return inspection.findings.length === 0 ? 0 : 1
}
