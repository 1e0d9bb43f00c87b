import { compactDecrypt } from 'jose'
import type { JSONObject } from './compact.js'
import { invalidToken } from './errors.js'
import { findIssuer, type IssuerSource } from './issuer-source.js'
import type { Registration } from './trusted-issuer.js'

/** Keys tried on one token (RP-16), and the largest text a compressed one may unfold to. */
const maxAttempts = 4
const maxBytes = 64 * 1024

/** Opens an encrypted Logout Token: the JWS inside, and the registrations whose key opened it. */
export async function decrypt(
  jwe: string,
  { iss, kid }: JSONObject,
  source: IssuerSource,
): Promise<{ jws: string; openedBy: readonly Registration[] }> {
  const candidates = iss === undefined ? source.all : await findIssuer(iss, source)
  const registrations = candidates.filter(({ decryption }) => decryption)
  const all = registrations.flatMap((registration) =>
    registration.decryption!.keys.map((key) => ({ key, registration })),
  )
  const named = all.filter(({ key }) => kid !== undefined && 'kid' in key && key.kid === kid)
  const openedBy = new Set<Registration>()
  let jws: string | undefined
  for (const { key, registration } of (named.length > 0 ? named : all).slice(0, maxAttempts)) {
    const { alg, enc } = registration.decryption!
    const opened = await compactDecrypt(jwe, key, {
      keyManagementAlgorithms: [...alg],
      contentEncryptionAlgorithms: [...enc],
      maxDecompressedLength: maxBytes,
    }).catch(() => undefined)
    if (opened) {
      openedBy.add(registration)
      jws = new TextDecoder().decode(opened.plaintext)
    }
  }
  if (jws === undefined) throw invalidToken('cannot be decrypted')
  return { jws, openedBy: [...openedBy] }
}
