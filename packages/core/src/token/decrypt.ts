import { compactDecrypt, type CryptoKey, type JWK } from 'jose'
import { invalidToken } from '../errors.js'
import { findIssuer, trust, type Trust } from '../issuers/issuer-source.js'
import type { JSONObject } from '../util/objects.js'
import type { Registration } from '../issuers/trusted-issuer.js'

/** What makes a key the same, in whatever JWK it is found: its modulus, its point or its bytes. */
const identityOf = (key: JWK | CryptoKey): unknown => {
  const { n, x, k } = key as JWK
  return n ?? x ?? k ?? key
}

/** Opens an encrypted Logout Token: the JWS inside, and trust in the registrations whose key opened it (RP-16). */
export async function decrypt(
  jwe: string,
  header: JSONObject,
  trusted: Trust,
): Promise<{ jws: string; trusted: Trust }> {
  const { iss, kid, alg, enc } = header as Record<string, string>
  const candidates = iss === undefined ? trusted.all : await findIssuer(iss, trusted, ({ decryption }) => !!decryption)
  const keysOf = ({ decryption }: Registration): readonly (JWK | CryptoKey)[] =>
    decryption?.alg.includes(alg!) && decryption.enc.includes(enc!) ? decryption.keys : []
  // One that several registrations share is tried once.
  const keys = [...new Map(candidates.flatMap(keysOf).map((key) => [identityOf(key), key]))]
  const named = keys.filter(([, key]) => kid && (key as JWK).kid === kid)
  for (const [identity, key] of (named[0] ? named : keys).slice(0, 4)) {
    try {
      const { plaintext } = await compactDecrypt(jwe, key, {
        keyManagementAlgorithms: [alg!],
        maxDecompressedLength: 65_536,
      })
      const opened = candidates.filter((one) => keysOf(one).some((key) => identityOf(key) === identity))
      return { jws: new TextDecoder().decode(plaintext), trusted: trust(opened) }
    } catch {
      // the next may do
    }
  }
  throw invalidToken('cannot be decrypted')
}
