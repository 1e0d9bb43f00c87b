import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { decodeJwt } from 'jose'
import { randomUUID } from 'node:crypto'

export const createReceiver = (op: TestIssuer, store: LogoutStore = new MemoryStore()): BackchannelLogout =>
  createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 8 * 3600, store })

/** Signs tokens. Each token is for a different subject and session. */
export const signTokens = (op: TestIssuer, count: number, claims: () => object = () => ({})): Promise<string[]> =>
  Promise.all(
    Array.from({ length: count }, () => op.logoutToken({ sub: randomUUID(), sid: randomUUID(), ...claims() })),
  )

const clientSecret = 'a secret of the client that is long enough'
const secretKey = new TextEncoder().encode(clientSecret)

/** An issuer with HS256. Its tokens cost little to verify, so the figures show the cost of the store. */
export interface CheapIssuer {
  op: TestIssuer
  createReceiver(store: LogoutStore, now?: () => number, sessionMaxAge?: number): BackchannelLogout
  token(claims?: object): Promise<string>
}

export async function createCheapIssuer(): Promise<CheapIssuer> {
  const op = await createTestIssuer({ alg: 'ES256' })
  const template = decodeJwt(await op.logoutToken())
  const { issuer, clientId } = op
  return {
    op,
    createReceiver: (store, now, sessionMaxAge = 8 * 3600) =>
      createBackchannelLogout({
        issuers: [{ issuer, clientId, algorithms: ['HS256'], clientSecret }],
        sessionMaxAge,
        store,
        now,
      }),
    token: (claims = {}) =>
      op.sign({ ...template, jti: randomUUID(), ...claims }, { alg: 'HS256', typ: 'logout+jwt' }, secretKey),
  }
}
