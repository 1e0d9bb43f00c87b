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
