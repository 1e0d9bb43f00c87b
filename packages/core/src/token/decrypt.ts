import { compactDecrypt, type CryptoKey, type JWK } from 'jose'
import { invalidToken } from '../errors.js'
import { findIssuer, type Trust } from '../issuers/issuer-source.js'
import { chain } from '../util/maybe.js'
import type { JSONObject } from '../util/objects.js'
import type { Registration } from '../issuers/trusted-issuer.js'

/** Returns the modulus, the point or the bytes of a JWK. JWKs with equal values hold the same key. */
const identityOf = (key: JWK & Partial<CryptoKey>): unknown => key.n ?? key.x ?? key.k ?? key

/** Decrypts a Logout Token (RP-16). The JWS inside is accepted only for registrations that have the decryption key. */
export async function decrypt(
  jwe: string,
  header: JSONObject,
  trusted: Trust,
): Promise<{ jws: string; trusted: Trust }> {
  const { iss, kid, alg, enc } = header as Record<string, string>
  const keysOf = ({ decryption }: Registration): readonly (JWK | CryptoKey)[] =>
    decryption?.alg.includes(alg!) && decryption.enc.includes(enc!) ? decryption.keys : []
  const hasKey = (registrations: readonly Registration[]): boolean =>
    registrations.flatMap(keysOf).some((key) => !kid || ((key as JWK).kid ?? kid) === kid)
  const seen = new Set<unknown>()
  // If no key of a cached answer works, the issuer function is called again, because the key may be new.
  for (const isComplete of trusted.all[0] ? [hasKey] : [hasKey, () => false]) {
    const candidates = iss === undefined ? trusted.all : await findIssuer(iss, trusted, isComplete)
    // Several registrations can share a key. Each key is tried at most once, and at most four keys are tried.
    const keys = [...new Map(candidates.flatMap(keysOf).map((key) => [identityOf(key), key]))].filter(
      ([identity]) => !seen.has(identity) && seen.add(identity),
    )
    const withKid = keys.filter(([, key]) => kid && (key as JWK).kid === kid)
    for (const [identity, key] of (withKid[0] ? withKid : keys).slice(0, 4)) {
      try {
        const { plaintext } = await compactDecrypt(jwe, key, {
          keyManagementAlgorithms: [alg!],
          maxDecompressedLength: 65_536,
        })
        const isOwner = (registration: Registration): boolean =>
          keysOf(registration).some((own) => identityOf(own) === identity)
        const owners = candidates.filter(isOwner)
        // A later answer can have the same key as a new `CryptoKey`, so the clients are also compared.
        const ownersOf = (registrations: readonly Registration[]): readonly Registration[] =>
          registrations.filter(
            (one) =>
              isOwner(one) || owners.some(({ issuer, clientId }) => issuer === one.issuer && clientId === one.clientId),
          )
        const find: Trust['find'] = (name, isComplete, maxAge) =>
          name === (iss ?? name)
            ? chain(
                trusted.find(name, (all) => isComplete(ownersOf(all)), maxAge),
                ownersOf,
              )
            : []
        return { jws: new TextDecoder().decode(plaintext), trusted: { all: owners, find } }
      } catch {
        // Tries the next key.
      }
    }
  }
  throw invalidToken('cannot be decrypted')
}
