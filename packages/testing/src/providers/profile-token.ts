import type { TrustedIssuer } from '@bcl/core'
import { CompactEncrypt, CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { ProviderProfile } from './provider-profiles.js'

/** A Logout Token of a {@link ProviderProfile}, and whom to trust to accept it. */
export interface ProfileToken {
  token: string
  /** The profile's settings, with the keys by value. */
  trusted: TrustedIssuer
}

interface KeyPair {
  publicJwk: JWK
  privateJwk: JWK
}

const encoder = new TextEncoder()
/** One pair for each algorithm: making one takes longer than all the rest, and two tokens of a profile share it. */
const pairs = new Map<string, Promise<KeyPair>>()

async function makePair(alg: string): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { publicJwk: await exportJWK(publicKey), privateJwk: await exportJWK(privateKey) }
}

function pairFor(alg: string): Promise<KeyPair> {
  const pair = pairs.get(alg) ?? makePair(alg)
  pairs.set(alg, pair)
  return pair
}

/** Moves the times of a profile, which are seconds from its sending, to `now`. */
const dated = (payload: ProviderProfile['payload'], now: number): object =>
  Object.fromEntries(
    Object.entries(payload).map(([name, value]) =>
      ['iat', 'exp', 'nbf'].includes(name) && typeof value === 'number' ? [name, now + value] : [name, value],
    ),
  )

/**
 * Makes a Logout Token as a provider would, signed and where it does so encrypted, with keys made here.
 *
 * @param now When it is sent: a NumericDate, seconds. By default the system's clock.
 * @example
 * ```ts
 * import { verifyLogoutToken } from '@bcl/core'
 * import { profileToken, providerProfiles } from '@bcl/testing'
 *
 * for (const profile of providerProfiles.filter(({ settings }) => settings)) {
 *   const { token, trusted } = await profileToken(profile)
 *   await verifyLogoutToken(token, [trusted])
 * }
 * ```
 */
export async function profileToken(
  profile: ProviderProfile,
  now: number = Math.floor(Date.now() / 1000),
): Promise<ProfileToken> {
  const { header, payload, encryption, settings = {} } = profile
  const { clientSecret, decryption } = settings
  // A provider has keys to publish also where it signs with a client's secret.
  const alg = clientSecret === undefined ? header.alg : 'RS256'
  const { publicJwk, privateJwk } = await pairFor(alg)
  const jws = await new CompactSign(encoder.encode(JSON.stringify(dated(payload, now))))
    .setProtectedHeader(header)
    .sign(clientSecret === undefined ? { ...privateJwk, alg } : encoder.encode(clientSecret))
  const jwk = { ...publicJwk, alg, use: 'sig', ...(header.kid === undefined ? undefined : { kid: header.kid }) }
  const trusted: TrustedIssuer = { issuer: payload.iss, clientId: 'CLIENT_ID', keys: { keys: [jwk] }, ...settings }
  if (encryption === undefined || decryption === undefined) return { token: jws, trusted }

  const ours = await pairFor(encryption.alg)
  const token = await new CompactEncrypt(encoder.encode(jws)).setProtectedHeader(encryption).encrypt(ours.publicJwk)
  const keys = [{ ...ours.privateJwk, kid: encryption.kid }]
  return { token, trusted: { ...trusted, decryption: { ...decryption, keys } } }
}
