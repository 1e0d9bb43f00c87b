import { requireDiscoverable } from './discover-keys.js'
import { asLogoutError } from './errors.js'
import type { IssuerSource } from './issuer-source.js'
import { requireOption } from './options.js'
import { createRemoteKeys, maxKeySets, type RemoteKeys } from './remote-keys.js'
import { createBucket, remember, within } from './time.js'
import { localKeys, needsNoKeys, register, type Registration, type TrustedIssuer } from './trusted-issuer.js'

/** What an issuer function answers: the registrations at the issuer it was asked for, or `undefined` for none. */
export type ResolvedIssuer = TrustedIssuer | readonly TrustedIssuer[] | undefined

/** Seconds that answers of an issuer function are remembered, how many, and how long one may take (RP-11). */
const answersFor = 60
const maxAnswers = 1000
const answerTime = 1.5

type IssuerFunction = (iss: string) => ResolvedIssuer | Promise<ResolvedIssuer>

export interface IssuersOptions {
  issuers: readonly TrustedIssuer[] | IssuerFunction
  fetch?: typeof fetch | undefined
  allowInsecureRequests?: boolean | undefined
  now: () => number
  onError?: ((error: unknown) => void) | undefined
}

/** The trusted issuers of one `createBackchannelLogout`, with a key set each. */
export interface Issuers extends IssuerSource {
  /** Fetches the keys of all listed issuers. */
  warm(): Promise<void>
}

const isRemote = (registration: Registration): boolean =>
  registration.keys ? registration.keys instanceof URL : !needsNoKeys(registration)

/** Registers what was configured, or answered; each client at an issuer once. */
function registerAll(issuers: readonly TrustedIssuer[], allowInsecureRequests: boolean | undefined): Registration[] {
  const all = issuers.map(register)
  for (const registration of all) {
    const { keys, issuer } = registration
    if (isRemote(registration)) requireDiscoverable(keys instanceof URL ? keys.href : issuer, allowInsecureRequests)
  }
  const names = new Set(all.map(({ issuer, clientId }) => JSON.stringify([issuer, clientId])))
  requireOption(names.size === all.length, 'issuers', 'a list that names each client of an issuer once')
  return all
}

export function createIssuers(options: IssuersOptions): Issuers {
  const { issuers, allowInsecureRequests, now } = options
  const isFunction = typeof issuers === 'function'
  requireOption(isFunction || (Array.isArray(issuers) && issuers.length > 0), 'issuers', 'a list, or a function')
  const all = isFunction ? [] : registerAll(issuers, allowInsecureRequests)
  const keySets = new Map<string, RemoteKeys>()
  const admit = isFunction ? createBucket(32, 1, now) : undefined

  const remoteKeys = ({ issuer, keys }: Registration): RemoteKeys => {
    const location = keys instanceof URL ? { jwksUri: keys.href } : { issuer }
    const name = JSON.stringify(location)
    const most = isFunction ? maxKeySets : Infinity
    return remember(keySets, name, keySets.get(name) ?? createRemoteKeys(location, { ...options, admit }), most)
  }

  return {
    all,
    find: isFunction ? byFunction(issuers, options) : byList(all),
    keysOf(registration) {
      const { keys } = registration
      return keys && !(keys instanceof URL) ? localKeys(keys) : remoteKeys(registration).getKey
    },
    async warm() {
      const remote = all.filter((registration) => isRemote(registration))
      await Promise.all(remote.map((registration) => remoteKeys(registration).warm()))
    },
  }
}

function byList(all: readonly Registration[]): IssuerSource['find'] {
  const byIssuer = new Map<string, Registration[]>(all.map(({ issuer }) => [issuer, []]))
  for (const registration of all) byIssuer.get(registration.issuer)!.push(registration)
  return (iss) => byIssuer.get(iss) ?? []
}

function byFunction(resolve: IssuerFunction, { allowInsecureRequests, now }: IssuersOptions): IssuerSource['find'] {
  const answers = new Map<string, { answer: Promise<readonly Registration[]>; until: number }>()

  const ask = async (iss: string): Promise<readonly Registration[]> => {
    try {
      const answer = await within(answerTime, 'finding the issuer', () => resolve(iss))
      const found = registerAll([answer ?? []].flat() as TrustedIssuer[], allowInsecureRequests)
      const isAsked = found.every(({ issuer }) => issuer === iss)
      requireOption(isAsked, 'issuers', 'a function that answers for the issuer it is asked for')
      return found
    } catch (error) {
      answers.delete(iss)
      throw asLogoutError('the issuer could not be found', error)
    }
  }

  return (iss) => {
    const known = answers.get(iss)
    if (known && now() < known.until) return known.answer
    return remember(answers, iss, { answer: ask(iss), until: now() + answersFor }, maxAnswers).answer
  }
}
