import { styleText } from 'node:util'

import { decodeJwt, decodeProtectedHeader } from 'jose'

import type { Me } from './device.ts'
import type { Delivery } from './provider-client.ts'

type Style = Parameters<typeof styleText>[0]

// Prints plain text if the output is not a terminal.
const paint = (style: Style, text: string) => styleText(style, text, { stream: process.stdout })

export function heading(text: string): void {
  console.log(`\n${paint('bold', text)}`)
}

export function line(text: string): void {
  console.log(`  ${text}`)
}

export function table(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) line(`${name.padEnd(width)}  ${value}`)
}

export function formatMe({ status, body }: Me): string {
  return `${paint(status === 200 ? 'green' : 'red', String(status))} ${JSON.stringify(body)}`
}

export function formatAnswer({ status, error, headers, ms }: Delivery): string {
  const answer =
    status === undefined ? `no answer: ${error}` : `${status}, cache-control: ${headers?.['cache-control'] ?? 'none'}`
  return `${paint(status === 200 ? 'green' : 'red', answer)}, in ${ms} ms`
}

export function printLogoutToken({ client_id, logout_token }: Delivery): void {
  line(
    `The Logout Token to ${client_id}, ${logout_token.length} characters: ${paint('dim', `${logout_token.slice(0, 40)}…`)}`,
  )
  line(`header ${indent(decodeProtectedHeader(logout_token))}`)
  line(`claims ${indent(decodeJwt(logout_token))}`)
}

export function success(text: string): void {
  console.log(`\n${paint('green', text)}`)
}

export function failure(text: string): void {
  console.error(`\n${styleText('red', text, { stream: process.stderr })}`)
}

function indent(value: object): string {
  return JSON.stringify(value, null, 2).replaceAll('\n', '\n  ')
}
