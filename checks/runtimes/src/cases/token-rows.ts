import { createBackchannelLogout, MemoryStore, verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import { rightTokens, wrongTokens } from '@bcl/testing'
import { assertEqual, rejection, type Case } from './case.ts'
import { expectAnswer, formOf } from './endpoint.ts'

const receiver = (issuer: TrustedIssuer) =>
  createBackchannelLogout({ issuers: [issuer], sessionMaxAge: 3600, store: new MemoryStore() })

export const tokenRows: readonly Case[] = [
  ...wrongTokens.flatMap(({ name, code, claim, settings, make }): Case[] => [
    {
      name: `wrong token: ${name} is refused by ${code}`,
      async run(op) {
        const error = await rejection(verifyLogoutToken(await make(op), [{ ...op.trusted, ...settings }]))
        assertEqual([error.code, error.claim], [code, claim ?? error.claim], 'code and claim')
      },
    },
    {
      name: `wrong token: ${name} is answered 400`,
      run: async (op) => expectAnswer(receiver({ ...op.trusted, ...settings }), formOf(await make(op)), 400),
    },
  ]),
  ...rightTokens.flatMap(({ name, settings, make }): Case[] => [
    {
      name: `right token: ${name} is verified`,
      async run(op) {
        const token = await verifyLogoutToken(await make(op), [{ ...op.trusted, ...settings }])
        assertEqual([token.iss, token.clientId], [op.issuer, op.clientId], 'iss and clientId')
      },
    },
    {
      name: `right token: ${name} is answered 200`,
      run: async (op) => expectAnswer(receiver({ ...op.trusted, ...settings }), formOf(await make(op)), 200),
    },
  ]),
]
