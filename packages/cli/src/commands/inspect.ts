import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { TrustedIssuer } from '@bcl/core'
import { inspectSecurityEventToken, isSecurityEventToken } from '../inspect/inspect-set.js'
import { inspectLogoutToken, type InspectOptions } from '../inspect/inspect-token.js'
import { printInspection } from '../inspect/print-inspection.js'
import { readToken } from '../inspect/token-parts.js'
import { CommandError } from '../terminal/command-error.js'
import type { Output } from '../terminal/output.js'

export interface InspectCommandOptions {
  issuer?: string
  clientId?: string
  keys?: string
  /** A file with the private key that decrypts the token. */
  key?: string
  json?: boolean
}

/** Reads a token, or a form with a `logout_token`. Reads from the argument, or from standard input if there is no argument. */
async function readInput(argument: string | undefined): Promise<string> {
  const input = (argument ?? (process.stdin.isTTY ? '' : await text(process.stdin))).trim()
  if (input === '') {
    throw new CommandError(
      'No token was given.',
      'Pass a token as an argument or on standard input: pbpaste | bcl inspect',
    )
  }
  return new URLSearchParams(input).get('logout_token') ?? input
}

async function readKeys(location: string): Promise<TrustedIssuer['keys']> {
  if (/^https?:/.test(location)) return new URL(location)
  const remedy = 'Pass the URL of a JWK Set, or a file that contains one.'
  const json = await readFile(location, 'utf8')
    .then((content) => JSON.parse(content) as { keys?: unknown } | null)
    .catch((error: Error) => {
      throw new CommandError(`${location} has no keys (${error.message}).`, remedy)
    })
  if (!Array.isArray(json?.keys)) throw new CommandError(`${location} has no keys ("keys" is not a list).`, remedy)
  return json as TrustedIssuer['keys']
}

async function readPrivateKey(file: string): Promise<InspectOptions['decryptionKey']> {
  return readFile(file, 'utf8')
    .then((content) => JSON.parse(content) as InspectOptions['decryptionKey'])
    .catch((error: Error) => {
      throw new CommandError(`${file} has no key (${error.message}).`, 'Pass a file with a private key as a JWK.')
    })
}

/** Inspects a Logout Token or a Security Event Token. Returns the exit code. The exit code is 1 if the token has a fault. */
export async function inspect(
  token: string | undefined,
  { issuer, clientId, keys, key, json }: InspectCommandOptions,
  { out }: Output,
): Promise<number> {
  const input = await readInput(token)
  const options = {
    issuer,
    clientId,
    keys: keys === undefined ? undefined : await readKeys(keys),
    decryptionKey: key === undefined ? undefined : await readPrivateKey(key),
  }
  const parts = readToken(input)
  const isSet = typeof parts !== 'string' && isSecurityEventToken(parts)
  const inspection = isSet
    ? await inspectSecurityEventToken(input, parts, options)
    : await inspectLogoutToken(input, options)
  if (typeof inspection === 'string') {
    const remedy =
      'Copy the whole token: three parts (five if it is encrypted) of letters, digits, - and _, with dots between them.'
    throw new CommandError(inspection, remedy)
  }
  if (json) out.write(JSON.stringify(inspection, undefined, 2))
  else printInspection(inspection, issuer !== undefined || keys !== undefined, out)
  return inspection.findings.length === 0 ? 0 : 1
}
