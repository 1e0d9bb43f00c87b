import type { TrustedIssuer } from '@bcl/core'
import { compactDecrypt } from 'jose'
import type { CustomFetch } from 'openid-client'

type Decryption = NonNullable<TrustedIssuer['decryption']>

/**
 * Returns a `fetch` that decrypts the ID Token in the answer of the token endpoint. openid-client can also decrypt ID
 * Tokens, but supports fewer algorithms. And openid-client returns the encrypted ID Token, which cannot be used as
 * `id_token_hint`.
 */
export function createDecryptingFetch(decryption: Decryption): CustomFetch {
  return async (url, options) => {
    const response = await fetch(url, options as RequestInit)
    // openid-client sends a POST only to the token endpoint.
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
      // Tries the next key.
    }
  }
  throw new Error('no key of ISSUER_OPTIONS decrypts the ID Token')
}
