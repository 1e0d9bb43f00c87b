import { createTestIssuer } from '@bcl/testing'
import { afterEach, expect, test, vi } from 'vitest'

const op = await createTestIssuer({ alg: 'EdDSA' })
const good = await op.logoutToken()

afterEach(() => void vi.restoreAllMocks())

/** A polyfill of an older release. */
const oldBuffer = {
  isEncoding: () => false,
  from: () => {
    throw new TypeError('Unknown encoding: base64url')
  },
}

/** Loads the library while `Buffer` is replaced, and verifies a token with it. */
async function verifyIn(buffer: unknown, token: string) {
  vi.resetModules()
  vi.stubGlobal('Buffer', buffer)
  const { verifyLogoutToken } = await import('../src/index.js').finally(() => vi.unstubAllGlobals())
  return verifyLogoutToken(token, [op.trusted])
}

test.each([
  ['no Buffer', undefined],
  ['a Buffer that does not know base64url', oldBuffer],
])('a valid token is accepted with %s', async (_, buffer) => {
  await expect(verifyIn(buffer, good)).resolves.toMatchObject({ iss: op.issuer })
})

test('a signature of a wrong length is refused even if WebCrypto throws', async () => {
  vi.spyOn(crypto.subtle, 'verify').mockRejectedValue(new DOMException('wrong length', 'OperationError'))
  await expect(verifyIn(Buffer, good)).rejects.toMatchObject({ code: 'ERR_LOGOUT_TOKEN_SIGNATURE' })
})
