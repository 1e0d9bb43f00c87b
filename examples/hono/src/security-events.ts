import type { BackchannelLogout } from '@bcl/core'
import { createSecurityEventReceiver, type SecurityEventReceiver } from '@bcl/ssf'

import type { Config } from './config.ts'
import { logError } from './shared/log.ts'

const names = ['SSF_ISSUER', 'SSF_AUDIENCE', 'SSF_AUTHORIZATION'] as const

/** Makes the receiver of security events if all SSF_ variables are set. Throws an `Error` if only some of them are set. */
export function createSecurityEvents(
  env: NodeJS.ProcessEnv,
  config: Pick<Config, 'issuer'>,
  logout: BackchannelLogout,
): SecurityEventReceiver | undefined {
  const [issuer, audience, pushAuthorization] = names.map((name) => env[name])
  const subjectIssuer = env['SSF_SUBJECT_ISSUER'] || config.issuer
  if (!issuer && !audience && !pushAuthorization && !env['SSF_SUBJECT_ISSUER']) return undefined
  if (!issuer || !audience || !pushAuthorization) {
    const missing = names.filter((name) => !env[name])
    throw new Error(`${missing.join(' and ')} must be set too: security events need ${names.join(', ')}`)
  }
  return createSecurityEventReceiver({
    logout,
    transmitters: [{ issuer, audience, pushAuthorization, subjectIssuers: [subjectIssuer] }],
    onEvent: ({ type, ended = 'nothing', reason }) =>
      console.log(`Security event: ${type}, ended ${ended}${reason ? ` (${reason})` : ''}`),
    onDelivery({ outcome, code, error }) {
      if (code) logError(`Security event: ${outcome}, ${code}`, error)
    },
    onError: (error) => logError('Security events, in the background', error),
  })
}
