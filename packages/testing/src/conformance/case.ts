import type { Party } from './relying-party/party.js'

/**
 * How serious it is if a case fails.
 *
 * - `MUST`: the endpoint breaks a standard.
 * - `SHOULD`: the endpoint does not do what a standard recommends.
 * - `hardening`: no standard states the rule, but without it the endpoint can be attacked or loses logouts.
 * - `interoperability`: the endpoint does not work with some provider or framework.
 */
export type ConformanceGrade = 'MUST' | 'SHOULD' | 'hardening' | 'interoperability'

/** What a case is about. `oidf`: the modules of the OpenID Foundation. `accept` and `refuse`: Logout Tokens. */
export type ConformanceGroup = 'oidf' | 'request' | 'accept' | 'refuse' | 'provider' | 'answer' | 'session'

/** One step of a case. Between two steps, the runner waits until the clock shows a later second. */
export type Act = () => Promise<void>

/** One thing that a back-channel logout endpoint must do. */
export interface ConformanceCase {
  /** Stable: `group/name`, or the name of a test module of the OpenID Foundation. */
  id: string
  group: ConformanceGroup
  title: string
  grade: ConformanceGrade
  /** The id of the requirement in docs/requirements.md, for example `RP-30`. */
  requirement: string
  /** The rule of a standard, in our words. If no standard states it: why the rule matters. */
  reference: string
  /** What the case sends. */
  sends: string
  /** The answer that passes. */
  wants: string
  /** What must also be true of the session. The runner checks this only if browsers can sign in. */
  wantsOfSession?: string
  /**
   * What the case needs from the application. Otherwise the case is skipped. `sign-in`: browsers can sign in.
   * `fetched keys`: the application fetches the keys from the provider.
   */
  needs?: 'sign-in' | 'fetched keys'
  /** Returns the steps for one run. A step throws if the application gives a wrong result. */
  acts(party: Party): Act[]
}
