import type { ConformanceCase } from '../case.js'
import { requests } from './security-event/requests.js'
import { sessions } from './security-event/sessions.js'
import { tokens } from './security-event/tokens.js'

/** A receiver of Security Event Tokens by push: the rules SE-n of docs/requirements.md. */
export const securityEventConformance: readonly ConformanceCase[] = [...requests, ...tokens, ...sessions]
