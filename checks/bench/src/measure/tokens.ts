import { createBackchannelLogout, MemoryStore, type BackchannelLogout, type LogoutStore } from '@bcl/core'
import { createTestIssuer, type TestIssuer } from '@bcl/testing'
import { decodeJwt } from 'jose'
import { randomUUID } from 'node:crypto'
import type { Scale } from './scale.ts'

export const createReceiver = (op: TestIssuer, store: LogoutStore = new MemoryStore()): BackchannelLogout =>
  createBackchannelLogout({ issuers: [op.trusted], sessionMaxAge: 8 * 3600, store })

/** Signs tokens. Each token is for a different subject and session. */
export const signTokens = (op: TestIssuer, count: number, claims: () => object = () => ({})): Promise<string[]> =>
  Promise.all(
    Array.from({ length: count }, () => op.logoutToken({ sub: randomUUID(), sid: randomUUID(), ...claims() })),
  )

/** Copies a token to a new string, because a real request also brings a new string. */
const received = (token: string): string => Buffer.from(token).toString('latin1')

/**
 * Signs the tokens of all rounds. All contenders get the same tokens, because signing takes long. Each contender calls
 * the returned function once, and gets a function that returns the tokens of the next round.
 */
export async function signBursts(op: TestIssuer, { rounds, warmUps, tokens }: Scale): Promise<() => () => string[]> {
  // The tokens are used minutes after they are signed, so they expire late.
  const exp = op.now() + 3600
  const bursts: string[][] = []
  for (let round = 0; round < rounds + warmUps; round += 1) bursts.push(await signTokens(op, tokens, () => ({ exp })))
  return () => {
    let round = 0
    return () => bursts[round++]!.map(received)
  }
}

/** Repeats the same tokens in every burst. Refused tokens can be repeated, because they are refused each time. */
export const repeat =
  (tokens: readonly string[]): (() => string[]) =>
  () =>
    tokens.map(received)

const clientSecret = 'a secret of the client that is long enough'
const secretKey = new TextEncoder().encode(clientSecret)

/** An issuer with HS256. Its tokens cost little to verify, so the figures show the cost of the store. */
export interface CheapIssuer {
  op: TestIssuer
  clientSecret: string
  createReceiver(store: LogoutStore, now?: () => number, sessionMaxAge?: number): BackchannelLogout
  token(claims?: object): Promise<string>
}

export async function createCheapIssuer(): Promise<CheapIssuer> {
  const op = await createTestIssuer({ alg: 'ES256' })
  const template = decodeJwt(await op.logoutToken())
  const { issuer, clientId } = op
  return {
    op,
    clientSecret,
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
