import { requireDiscoverable } from './discover-keys.js'
import { asLogoutError } from './errors.js'
import { trust, type IssuerSource } from './issuer-source.js'
import { withoutClaims } from './markers.js'
import { requireOption } from './options.js'
import { createRemoteKeys, type RemoteKeys } from './remote-keys.js'
import { createShared, remember, within, type Run } from './time.js'
import { localKeys, needsNoKeys, register, type Registration, type TrustedIssuer } from './trusted-issuer.js'

/** What an issuer function answers: the registrations at the issuer it was asked for, or `undefined` for none. */
export type ResolvedIssuer = TrustedIssuer | readonly TrustedIssuer[] | undefined

/** Seconds that answers of an issuer function are remembered, how many, and how long one may take (RP-11). */
const answersFor = 60
const maxAnswers = 1000
const answerTime = 1.5
/** Key sets kept, beside those of listed issuers. */
const maxKeySets = 1000

export interface IssuersOptions {
  issuers: readonly TrustedIssuer[] | ((iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>)
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
  now: () => number
  onError?: ((error: unknown) => void) | undefined
}

/** Trusted issuers, with a key set each. */
export interface Issuers extends IssuerSource {
  /** Fetches the keys of all listed issuers. */
  warm(): Promise<void>
}

const isRemote = (registration: Registration): boolean =>
  registration.keys ? registration.keys instanceof URL : !needsNoKeys(registration)

/** @param keySets By name; may be shared. */
export function createIssuers(options: IssuersOptions, keySets: Map<string, RemoteKeys> = new Map()): Issuers {
  const { issuers, now } = options
  const answers = new Map<string, { found: readonly Registration[]; until: number }>()
  const asked = createShared<Run<readonly Registration[]>>(answerTime)

  /** Registers what was configured, or answered; each client at an issuer once. */
  const registerAll = (list: readonly TrustedIssuer[]): Registration[] => {
    const registrations = list.map(register)
    const names = new Set<string>()
    for (const registration of registrations) {
      const { issuer, clientId, keys } = registration
      if (isRemote(registration))
        requireDiscoverable(String(keys ?? issuer), keys ? 'keys' : 'issuer', options.allowInsecureRequests)
      names.add(JSON.stringify([issuer, clientId]))
    }
    requireOption(names.size === list.length, 'issuers', 'of different clients')
    return registrations
  }

  const ask = async (iss: string): Promise<readonly Registration[]> => {
    try {
      const answer = await within(answerTime, () => (issuers as (iss: string) => ResolvedIssuer)(iss))
      const found = registerAll([answer ?? []].flat())
      requireOption(
        found.every(({ issuer }) => issuer === iss),
        'issuer',
      )
      remember(answers, iss, { found, until: now() + answersFor }, maxAnswers)
      return found
    } catch (error) {
      throw asLogoutError('the issuer function', withoutClaims(error, [iss]))
    }
  }

  const isList = Array.isArray(issuers)
  const listed = trust(isList ? registerAll(issuers) : [])
  const { all } = listed

  const remoteKeys = (registration: Registration): RemoteKeys => {
    const name = `${registration.keys} ${registration.issuer}`
    const known = keySets.get(name) ?? createRemoteKeys(registration, { ...options, isBudgeted: !isList })
    return remember(keySets, name, known, maxKeySets + all.length)
  }

  return {
    all,
    find(iss) {
      if (isList) return listed.find(iss)
      const known = answers.get(iss)
      return known && now() < known.until ? known.found : asked.join(() => ask(iss), iss).result
    },
    keysOf(registration) {
      const { keys } = registration
      return keys && !(keys instanceof URL) ? localKeys(keys) : remoteKeys(registration).getKey
    },
    async warm() {
      await Promise.all(all.filter(isRemote).map((registration) => remoteKeys(registration).warm()))
    },
  }
}
