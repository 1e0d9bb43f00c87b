import { BackchannelLogoutError, verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import { createTestIssuer, rightTokens, wrongTokens } from '@bcl/testing'
import { describe, expect, test } from 'vitest'

const op = await createTestIssuer()
const trusting = (settings?: Partial<TrustedIssuer>): TrustedIssuer[] => [{ ...op.trusted, ...settings }]

const refusal = async (work: Promise<unknown>): Promise<BackchannelLogoutError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(BackchannelLogoutError)
  return error as BackchannelLogoutError
}

describe('tokens that must be refused', () => {
  test.each(wrongTokens.map((row) => [row.requirement, row.name, row] as const))('%s: %s', async (_, __, row) => {
    const error = await refusal(verifyLogoutToken(await row.make(op), trusting(row.settings), { now: op.now }))
    expect({ code: error.code, claim: row.claim && error.claim }).toEqual({ code: row.code, claim: row.claim })
  })
})

describe('tokens that must be accepted', () => {
  test.each(rightTokens.map((row) => [row.requirement, row.name, row] as const))('%s: %s', async (_, __, row) => {
    const token = await verifyLogoutToken(await row.make(op), trusting(row.settings), { now: op.now })
    expect(token).toMatchObject({ iss: op.issuer, clientId: op.clientId })
  })
})

// Each token has a valid signature of its key. So only the check of the key itself can refuse the token.
describe('keys that do not fit the algorithm of the token', () => {
  const rsa = (modulusLength: number, hash: string) => ({
    name: 'RSASSA-PKCS1-v1_5',
    modulusLength,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash,
  })

  test.each([
    ['RS256', 'an RSA key of 1024 bits', rsa(1024, 'SHA-256')],
    ['RS256', 'an RSA key for SHA-384', rsa(2048, 'SHA-384')],
    ['ES256', 'a key on P-384', { name: 'ECDSA', namedCurve: 'P-384' }],
  ])('refuses %s with %s', async (alg, _, parameters) => {
    const { publicKey, privateKey } = await crypto.subtle.generateKey(parameters, false, ['sign', 'verify'])
    const header = Buffer.from(JSON.stringify({ alg })).toString('base64url')
    const signed = `${header}.${(await op.logoutToken()).split('.')[1]}`
    const signature = await crypto.subtle.sign(
      { name: parameters.name, hash: 'SHA-256' },
      privateKey,
      Buffer.from(signed),
    )
    const token = `${signed}.${Buffer.from(signature).toString('base64url')}`
    const error = await refusal(
      verifyLogoutToken(token, trusting({ keys: async () => publicKey, algorithms: [alg] }), { now: op.now }),
    )
    expect(error.code).toBe('ERR_LOGOUT_KEYS_UNAVAILABLE')
  })
})
