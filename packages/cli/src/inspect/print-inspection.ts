import type { Channel } from '../terminal/output.js'
import { formatValue } from './format-value.js'
import type { SetInspection } from './inspect-set.js'
import type { Inspection } from './inspect-token.js'

/** Formats a NumericDate as a date and its distance from now. Returns an empty text if the value is not a date. */
function formatDate(value: unknown): string {
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > 8e12) return ''
  const seconds = Math.round(value - Date.now() / 1000)
  const distance = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `  ${new Date(value * 1000).toISOString()}, ${distance}`
}

const formatMembers = (members: Record<string, unknown>, { style }: Channel): string[] =>
  Object.entries(members).map(([name, value]) => {
    const date = ['iat', 'exp', 'nbf', 'auth_time', 'toe'].includes(name) ? style('dim', formatDate(value)) : ''
    const label = /^\w+$/.test(name) ? name.padEnd(8) : formatValue(name)
    return `  ${style('cyan', label)} ${formatValue(value)}${date}`
  })

const formatSettings = (settings: object): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}: ${formatValue(value)}`)
    .join(', ')

/** A finding about a Logout Token or a Security Event Token. */
interface AnyFinding {
  problem: string
  remedy: string
  settings?: object
}

const formatFinding = ({ problem, remedy, settings }: AnyFinding, { style }: Channel): string =>
  `${style('red', '✗')} ${problem}\n  ${remedy}${settings ? `\n  Accepted with: ${formatSettings(settings)}` : ''}`

/** Describes the sessions that the token ends. */
function describeScope({ claims = {} }: Inspection): string {
  const { sub, sid } = claims
  if (typeof sid === 'string') {
    const more = `It also ends sessions of ${formatValue(sub)} that the application stored without a sid.`
    return `The token ends the session ${formatValue(sid)}.${typeof sub === 'string' ? ` ${more}` : ''}`
  }
  return typeof sub === 'string'
    ? `The token ends all sessions of ${formatValue(sub)}. To end single sessions, register backchannel_logout_session_required.`
    : 'The token names no user and no session.'
}

const reasons = {
  type: 'events of this type end nothing by default',
  subject: 'the subject needs resolveSubject',
  scope: 'the subject means only some sessions of the user',
  issuer: 'the subject is a user of an issuer that is not trusted',
  critical: 'the subject has an unknown critical member',
}

/** Describes the sessions that each event of a Security Event Token ends. */
const describeEvents = ({ events }: SetInspection): string =>
  events
    .map(({ type, ended, reason }) => {
      const effects = {
        all: 'ends all sessions of its user',
        session: 'ends the session that it names',
        nothing: `ends nothing: ${reason && reasons[reason]}`,
      }
      return `The event ${formatValue(type)} ${effects[ended ?? 'nothing']}.`
    })
    .join('\n')

function describeSignature({ signature }: Pick<Inspection, 'signature'>, hasKeys: boolean): string {
  if (signature !== 'unchecked') return `The signature is ${signature}.`
  const reason = hasKeys ? 'the token has a fault that is checked first' : 'pass --issuer or --keys'
  return `The signature was not checked: ${reason}.`
}

/** Prints an inspection. `hasKeys` says whether the user passed keys or an issuer. */
export function printInspection(inspection: Inspection | SetInspection, hasKeys: boolean, out: Channel): void {
  const { header, claims, findings, settings } = inspection
  out.write(out.style('bold', 'Header'))
  for (const line of formatMembers(header, out)) out.write(line)
  if (claims) {
    out.write(out.style('bold', 'Claims'))
    for (const line of formatMembers(claims, out)) out.write(line)
    out.write(`\n${'events' in inspection ? describeEvents(inspection) : describeScope(inspection)}`)
  }
  out.write(`${describeSignature(inspection, hasKeys)}\n`)
  for (const finding of findings) out.write(formatFinding(finding, out))
  if (findings.length === 0) out.write(`${out.style('green', '✓')} The header and the claims have no fault.`)
  else if (findings.every((finding) => finding.settings)) out.write(`\nConfigure: { ${formatSettings(settings)} }`)
}
