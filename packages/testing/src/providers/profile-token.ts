import type { TrustedIssuer } from '@bcl/core'
import { CompactEncrypt, CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose'
import type { ProviderProfile } from './provider-profiles.js'

/** A Logout Token in the form of a {@link ProviderProfile}, and the settings to verify it. */
export interface ProfileToken {
  token: string
  /** An entry for the option `issuers` of `createBackchannelLogout`: the settings of the profile, with the keys. */
  trusted: TrustedIssuer
}

interface KeyPair {
  publicJwk: JWK
  privateJwk: JWK
}

const encoder = new TextEncoder()

/**
 * One key pair for each algorithm, because making a key pair is slow, and because all tokens of one profile must have
 * the same key.
 */
const keyPairs = new Map<string, Promise<KeyPair>>()

async function makeKeyPair(alg: string): Promise<KeyPair> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  return { publicJwk: await exportJWK(publicKey), privateJwk: await exportJWK(privateKey) }
}

function keyPairFor(alg: string): Promise<KeyPair> {
  const pair = keyPairs.get(alg) ?? makeKeyPair(alg)
  keyPairs.set(alg, pair)
  return pair
}

/** Adds `now` to the times in a profile, because these times are relative. */
const dated = (payload: ProviderProfile['payload'], now: number): object =>
  Object.fromEntries(
    Object.entries(payload).map(([name, value]) =>
      ['iat', 'exp', 'nbf'].includes(name) && typeof value === 'number' ? [name, now + value] : [name, value],
    ),
  )

/**
 * Makes a Logout Token in the form of a profile, with test keys. The token is signed. If the provider encrypts its
 * tokens, the token is also encrypted.
 *
 * @param now The time at which the provider sends the token: a NumericDate in seconds. By default the system clock.
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
  // A provider publishes keys even if it signs with the client secret.
  const alg = clientSecret === undefined ? header.alg : 'RS256'
  const { publicJwk, privateJwk } = await keyPairFor(alg)
  const jws = await new CompactSign(encoder.encode(JSON.stringify(dated(payload, now))))
    .setProtectedHeader(header)
    .sign(clientSecret === undefined ? { ...privateJwk, alg } : encoder.encode(clientSecret))
  const jwk = { ...publicJwk, alg, use: 'sig', ...(header.kid === undefined ? undefined : { kid: header.kid }) }
  const trusted: TrustedIssuer = { issuer: payload.iss, clientId: 'CLIENT_ID', keys: { keys: [jwk] }, ...settings }
  if (encryption === undefined || decryption === undefined) return { token: jws, trusted }

  const recipient = await keyPairFor(encryption.alg)
  const token = await new CompactEncrypt(encoder.encode(jws))
    .setProtectedHeader(encryption)
    .encrypt(recipient.publicJwk)
  const keys = [{ ...recipient.privateJwk, kid: encryption.kid }]
  return { token, trusted: { ...trusted, decryption: { ...decryption, keys } } }
}
