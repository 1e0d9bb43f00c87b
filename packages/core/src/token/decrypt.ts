import { compactDecrypt, type CryptoKey, type JWK } from 'jose'
import { invalidToken } from '../errors.js'
import { findIssuer, trust, type Trust } from '../issuers/issuer-source.js'
import type { JSONObject } from '../util/objects.js'
import type { Registration } from '../issuers/trusted-issuer.js'

/** Two JWKs hold the same key if this value is equal: the modulus, the point or the bytes of the key. */
const identityOf = (key: JWK | CryptoKey): unknown => {
  const { n, x, k } = key as JWK
  return n ?? x ?? k ?? key
}

/** Decrypts a Logout Token (RP-16). Only the registrations that have the key may be trusted for the JWS inside. */
export async function decrypt(
  jwe: string,
  header: JSONObject,
  trusted: Trust,
): Promise<{ jws: string; trusted: Trust }> {
  const { iss, kid, alg, enc } = header as Record<string, string>
  const candidates = iss === undefined ? trusted.all : await findIssuer(iss, trusted, ({ decryption }) => !!decryption)
  const keysOf = ({ decryption }: Registration): readonly (JWK | CryptoKey)[] =>
    decryption?.alg.includes(alg!) && decryption.enc.includes(enc!) ? decryption.keys : []
  // A key that several registrations share is tried once.
  const keys = [...new Map(candidates.flatMap(keysOf).map((key) => [identityOf(key), key]))]
  const withKid = keys.filter(([, key]) => kid && (key as JWK).kid === kid)
  for (const [identity, key] of (withKid[0] ? withKid : keys).slice(0, 4)) {
    try {
      const { plaintext } = await compactDecrypt(jwe, key, {
        keyManagementAlgorithms: [alg!],
        maxDecompressedLength: 65_536,
      })
      const owners = candidates.filter((registration) =>
        keysOf(registration).some((own) => identityOf(own) === identity),
      )
      return { jws: new TextDecoder().decode(plaintext), trusted: trust(owners) }
    } catch {
      // The next key may fit.
    }
  }
  throw invalidToken('cannot be decrypted')
}
