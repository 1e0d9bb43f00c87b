import { createBackchannelLogout, MemoryStore, type BackchannelLogoutOptions } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import * as jose from 'jose'
import { assertEqual, rejection, Unsupported, type Case } from './case.ts'
import { expectAnswer, formOf } from './endpoint.ts'

const signing = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const postQuantum = ['ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87']
const secrets = ['HS256', 'HS384', 'HS512']
const encryption: readonly [alg: string, enc: string, zip?: 'DEF'][] = [
  ['RSA-OAEP', 'A128CBC-HS256'],
  ['RSA-OAEP-256', 'A256GCM'],
  ['RSA-OAEP-256', 'A256GCM', 'DEF'],
  ['ECDH-ES', 'A128GCM'],
  ['ECDH-ES+A256KW', 'A256CBC-HS512'],
]

const receiver = (issuer: Exclude<BackchannelLogoutOptions['issuers'], Function>[number]) =>
  createBackchannelLogout({ issuers: [issuer], sessionMaxAge: 3600, store: new MemoryStore() })

/**
 * Runs work with jose alone. If jose also fails, the runtime lacks the algorithm. If jose succeeds, the library has a
 * fault.
 */
async function probe<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw new Unsupported('jose alone cannot do it here', { cause })
  }
}

const changeSignature = (token: string): string =>
  token.replace(/\.([^.])([^.]*)$/, (_, first: string, rest: string) => `.${first === 'A' ? 'B' : 'A'}${rest}`)

const signedRow = (alg: string): Case => ({
  name: `${alg}: a valid token is answered 200, and a token with a changed signature 400`,
  async run() {
    const op = await probe(async () => {
      const issuer = await createTestIssuer({ alg })
      await jose.jwtVerify(await issuer.logoutToken(), jose.createLocalJWKSet(issuer.jwks))
      return issuer
    })
    const logout = receiver(op.trusted)
    await expectAnswer(logout, formOf(changeSignature(await op.logoutToken())), 400)
    await expectAnswer(logout, formOf(await op.logoutToken()), 200)
    assertEqual(await logout.isLoggedOut(op.session()), true, 'logged out')
  },
})

const secretRow = (alg: string): Case => ({
  name: `${alg}: a token with the client secret is answered 200, and a token with another secret 400`,
  async run(op) {
    const clientSecret = 'a secret of the client that is long enough for every one of HS256, HS384 and HS512'
    const sign = async (secret: string): Promise<string> =>
      op.sign(jose.decodeJwt(await op.logoutToken()), { alg }, new TextEncoder().encode(secret))
    const logout = receiver({ issuer: op.issuer, clientId: op.clientId, algorithms: [alg], clientSecret })
    await expectAnswer(logout, formOf(await sign(`not ${clientSecret}`)), 400)
    await expectAnswer(logout, formOf(await sign(clientSecret)), 200)
  },
})

const encryptedRow = ([alg, enc, zip]: (typeof encryption)[number]): Case => ({
  name: `${alg}, ${enc}${zip ? ', compressed' : ''}: an encrypted token is answered 200, and a token for another key is refused`,
  async run(op) {
    const encrypt = async (key: jose.CryptoKey): Promise<string> =>
      new jose.CompactEncrypt(new TextEncoder().encode(await op.logoutToken()))
        .setProtectedHeader({ alg, enc, cty: 'JWT', ...(zip && { zip }) })
        .encrypt(key)
    const { own, other } = await probe(async () => {
      const pairs = { own: await jose.generateKeyPair(alg), other: await jose.generateKeyPair(alg) }
      await jose.compactDecrypt(await encrypt(pairs.own.publicKey), pairs.own.privateKey)
      return pairs
    })
    const decryption = { keys: [own.privateKey], alg: [alg], enc: [enc], required: true }
    const logout = receiver({ ...op.trusted, decryption })
    await expectAnswer(logout, formOf(await encrypt(own.publicKey)), 200)
    const error = await rejection(logout.receive(await encrypt(other.publicKey)))
    assertEqual(error.code, 'ERR_LOGOUT_TOKEN_INVALID', 'code')
  },
})

export const algorithmRows: readonly Case[] = [
  ...[...signing, ...postQuantum].map(signedRow),
  ...secrets.map(secretRow),
  ...encryption.map(encryptedRow),
]
