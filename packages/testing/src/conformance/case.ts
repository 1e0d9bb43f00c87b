import type { Party } from './relying-party/party.js'

/**
 * The severity of a failed case.
 *
 * - `MUST`: the endpoint breaks a standard.
 * - `SHOULD`: the endpoint does not follow a recommendation of a standard.
 * - `hardening`: no standard has this rule for an endpoint. The standard may have a rule for the provider only. An
 *   endpoint that fails can be attacked, can lose logouts, or can end sessions that began after the logout.
 * - `interoperability`: no standard has this rule for an endpoint. An endpoint that fails does not work with some
 *   providers or frameworks.
 */
export type ConformanceGrade = 'MUST' | 'SHOULD' | 'hardening' | 'interoperability'

/**
 * The subject of a case. The cases of `oidf` are the test modules of the OpenID Foundation. The cases of `accept` and
 * `refuse` send Logout Tokens that an endpoint must accept or refuse.
 */
export type ConformanceGroup = 'oidf' | 'request' | 'accept' | 'refuse' | 'provider' | 'answer' | 'session'

/** One step of a case. If browsers can sign in, the runner waits after each step for the next second of the clock. */
export type Act = () => Promise<void>

/** One rule for a back-channel logout endpoint, with the steps that check it. */
export interface ConformanceCase {
  /** The id: `group/name`, or the name of a test module of the OpenID Foundation. It does not change between releases. */
  id: string
  group: ConformanceGroup
  title: string
  grade: ConformanceGrade
  /** The id of the requirement in docs/requirements.md, for example `RP-30`. */
  requirement: string
  /** The rule of a standard, in our words. If no standard has the rule, the reason for the rule. */
  reference: string
  /** The requests of the case. */
  sends: string
  /** The answer that passes. */
  wants: string
  /** The expected state of the session after the answer. The runner checks this state only if there is a session. */
  wantsOfSession?: 'the session is live' | 'the session has ended'
  /**
   * A condition for running the case. If the condition is not met, the case is skipped. `sign-in` means that browsers
   * can sign in. `fetched keys` means that the application fetches the keys from the provider.
   */
  needs?: 'sign-in' | 'fetched keys'
  /** True if the valid tokens of the case have a `sub` and no `sid`. */
  namesOnlyTheUser?: boolean
  /** Returns the steps for one run. A step throws if the application behaves wrongly. */
  acts(party: Party): Act[]
}
