import type { Party } from './relying-party/party.js'

/**
 * What a failure means. `MUST`: a standard asks for it. `hardening`: no standard does in so many words, and who lacks it
 * can be attacked or loses logouts. `interoperability`: somebody's provider or framework needs it.
 */
export type ConformanceGrade = 'MUST' | 'hardening' | 'interoperability'

export type ConformanceGroup = 'oidf' | 'request' | 'accept' | 'refuse' | 'provider' | 'answer' | 'session'

/** A part of a case. The runner lets the clock reach a later second between two of them. */
export type Act = () => Promise<void>

/** One thing that an endpoint must do. */
export interface ConformanceCase {
  /** Stable: `group/name`, or the name of a test module of the OpenID Foundation. */
  id: string
  group: ConformanceGroup
  title: string
  grade: ConformanceGrade
  /** As numbered in docs/requirements.md. */
  requirement: string
  /** Which sentence of which standard asks for it, in our words; or why it matters where none does. */
  reference: string
  sends: string
  wants: string
  /** What it cannot be seen without: browsers that sign in, or an application that fetches the provider's keys. */
  needs?: 'sign-in' | 'fetched keys'
  /** Its acts, for one run. They throw where the application does not do what it must. */
  acts(party: Party): Act[]
}

const slug = (name: string): string =>
  name
    .replaceAll(/[^\w+]+/g, '-')
    .replaceAll('_', '-')
    .replaceAll(/^-+|-+$/g, '')

export const caseId = (group: ConformanceGroup, name: string): string => `${group}/${slug(name)}`
