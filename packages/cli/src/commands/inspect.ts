import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { TrustedIssuer } from '@bcl/core'
import type { Finding } from '../inspect/remedies.js'
import { inspectLogoutToken, type Inspection } from '../inspect/inspect-token.js'
import type { Channel, Output } from '../terminal/output.js'
import { Problem } from '../terminal/problem.js'
import { show } from '../inspect/show.js'

export interface InspectCommandOptions {
  issuer?: string
  clientId?: string
  keys?: string
  json?: boolean
}

/** What was given, or comes from standard input, where it stays out of the shell's history: a token, or a form with one. */
async function readInput(given: string | undefined): Promise<string> {
  const input = (given ?? (process.stdin.isTTY ? '' : await text(process.stdin))).trim()
  if (input === '') throw new Problem('No token was given.', 'Name it, or pipe it in: pbpaste | bcl inspect')
  return new URLSearchParams(input).get('logout_token') ?? input
}

async function readKeys(where: string): Promise<TrustedIssuer['keys']> {
  if (/^https?:/.test(where)) return new URL(where)
  const remedy = 'Give the URL of a JWK Set, or a file that has one.'
  const json = await readFile(where, 'utf8')
    .then((content) => JSON.parse(content) as { keys?: unknown } | null)
    .catch((error: Error) => {
      throw new Problem(`${where} has no keys (${error.message}).`, remedy)
    })
  if (!Array.isArray(json?.keys)) throw new Problem(`${where} has no keys ("keys" is no list).`, remedy)
  return json as TrustedIssuer['keys']
}

/** A time, with how long ago it is. */
function dated(value: unknown): string {
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > 8e12) return ''
  const seconds = Math.round(value - Date.now() / 1000)
  const distance = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `  ${new Date(value * 1000).toISOString()}, ${distance}`
}

const lines = (members: Record<string, unknown>, { style }: Channel): string[] =>
  Object.entries(members).map(([name, value]) => {
    const when = ['iat', 'exp', 'nbf', 'auth_time'].includes(name) ? style('dim', dated(value)) : ''
    return `  ${style('cyan', /^\w+$/.test(name) ? name.padEnd(8) : show(name))} ${show(value)}${when}`
  })

const spell = (settings: object): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}: ${show(value)}`)
    .join(', ')

const describe = ({ problem, remedy, settings }: Finding, { style }: Channel): string =>
  `${style('red', '✗')} ${problem}\n  ${remedy}${settings ? `\n  Accepted with: ${spell(settings)}` : ''}`

/** Who is meant, in words. */
function scopeOf({ claims = {} }: Inspection): string {
  const { sub, sid } = claims
  if (typeof sid === 'string') return `It ends the session ${show(sid)}, and no other.`
  return typeof sub === 'string'
    ? `It ends all sessions of ${show(sub)}. For one session, register backchannel_logout_session_required.`
    : 'It names nobody.'
}

function signatureOf({ signature }: Inspection, hasKeys: boolean): string {
  if (signature !== 'unchecked') return `The signature is ${signature}.`
  return `The signature was not checked: ${hasKeys ? 'see what else is wrong' : 'give --issuer or --keys'}.`
}

function print(inspection: Inspection, hasKeys: boolean, out: Channel): void {
  const { header, claims, findings, settings } = inspection
  out.write(out.style('bold', 'Header'))
  for (const line of lines(header, out)) out.write(line)
  if (claims) {
    out.write(out.style('bold', 'Claims'))
    for (const line of lines(claims, out)) out.write(line)
    out.write(`\n${scopeOf(inspection)}`)
  }
  out.write(`${signatureOf(inspection, hasKeys)}\n`)
  for (const finding of findings) out.write(describe(finding, out))
  if (findings.length === 0) out.write(`${out.style('green', '✓')} Nothing is wrong with what it says.`)
  else if (findings.every((finding) => finding.settings)) out.write(`\nConfigure: { ${spell(settings)} }`)
}

/** Says what a token says, and gives the exit code. */
export async function inspect(
  token: string | undefined,
  { issuer, clientId, keys, json }: InspectCommandOptions,
  { out }: Output,
): Promise<number> {
  const inspection = await inspectLogoutToken(await readInput(token), {
    issuer,
    clientId,
    keys: keys === undefined ? undefined : await readKeys(keys),
  })
  if (typeof inspection === 'string') {
    throw new Problem(inspection, 'Copy it whole: three parts of letters, digits, - and _, with dots between them.')
  }
  if (json) out.write(JSON.stringify(inspection, undefined, 2))
  else print(inspection, issuer !== undefined || keys !== undefined, out)
  return inspection.findings.length === 0 ? 0 : 1
}
