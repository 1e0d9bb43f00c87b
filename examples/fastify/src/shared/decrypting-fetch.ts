import type { TrustedIssuer } from '@bcl/core'
import { compactDecrypt } from 'jose'
import type { CustomFetch } from 'openid-client'

type Decryption = NonNullable<TrustedIssuer['decryption']>

/**
 * A `fetch` that decrypts the ID Token in the answer of the token endpoint. openid-client can decrypt ID Tokens too, but
 * it returns the encrypted one, and `id_token_hint` must not be encrypted. It knows fewer algorithms as well.
 */
export function createDecryptingFetch(decryption: Decryption): CustomFetch {
  return async (url, options) => {
    const response = await fetch(url, options as RequestInit)
    // The token endpoint is the only address that openid-client posts to here.
    if (options.method !== 'POST' || response.status !== 200) return response
    const tokens = (await response.json()) as { id_token?: unknown }
    const { id_token: idToken } = tokens
    if (typeof idToken !== 'string' || idToken.split('.').length !== 5) return Response.json(tokens)
    return Response.json({ ...tokens, id_token: await decrypt(idToken, decryption) })
  }
}

async function decrypt(jwe: string, { keys, alg, enc }: Decryption): Promise<string> {
  const options = { keyManagementAlgorithms: [...alg], contentEncryptionAlgorithms: [...enc] }
  for (const key of keys) {
    try {
      return new TextDecoder().decode((await compactDecrypt(jwe, key, options)).plaintext)
    } catch {
      // The next key may fit.
    }
  }
  throw new Error('no key of ISSUER_OPTIONS decrypts the ID Token')
}
