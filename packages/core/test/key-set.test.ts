import { verifyLogoutToken } from '@bcl/core'
import { createTestIssuer } from '@bcl/testing'
import { decodeJwt, exportJWK, SignJWT, type CryptoKey } from 'jose'
import { expect, test, vi } from 'vitest'
import { refusal } from './support.js'

const op = await createTestIssuer()
const claims = decodeJwt(await op.logoutToken())
const { subtle } = globalThis.crypto
interface Pair {
  publicKey: CryptoKey
  privateKey: CryptoKey
}

const rsa = (name: string, modulusLength: number) =>
  subtle.generateKey({ name, hash: 'SHA-256', modulusLength, publicExponent: new Uint8Array([1, 0, 1]) }, true, [
    'sign',
    'verify',
  ]) as Promise<Pair>

/** A JWK without `alg`, so that it fits each algorithm of RSA. */
async function publicJwk({ publicKey }: Pair, kid: string) {
  const { kty, n, e } = await exportJWK(publicKey)
  return { kty: kty!, n: n!, e: e!, kid }
}

const [first, second] = await Promise.all([rsa('RSASSA-PKCS1-v1_5', 2048), rsa('RSASSA-PKCS1-v1_5', 2048)])
const keys = { keys: [await publicJwk(first, 'first'), await publicJwk(second, 'second')] }
const sign = (key: unknown, alg: string, kid: string) =>
  new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(key as CryptoKey)
const verify = (token: string) => verifyLogoutToken(token, [{ ...op.trusted, keys, algorithms: ['RS256', 'PS256'] }])

test('the key of the last token is not used for another kid', async () => {
  await verify(await sign(first.privateKey, 'RS256', 'first'))
  await verify(await sign(second.privateKey, 'RS256', 'second'))
  const forged = await sign(first.privateKey, 'RS256', 'second')
  await verify(await sign(first.privateKey, 'RS256', 'first'))
  expect((await refusal(verify(forged))).code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
})

test('the key of the last token is not used for another algorithm', async () => {
  const jwk = await subtle.exportKey('jwk', first.privateKey)
  const { alg: _, ...withoutAlg } = jwk
  const hash = { name: 'RSA-PSS', hash: 'SHA-256' }
  const pss = await subtle.importKey('jwk', { ...withoutAlg, key_ops: ['sign'] }, hash, false, ['sign'])
  for (let times = 0; times < 2; times += 1) {
    await verify(await sign(first.privateKey, 'RS256', 'first'))
    await verify(await sign(pss, 'PS256', 'first'))
  }
})

test('WebCrypto verifies with the remembered key, and the key is not imported again', async () => {
  const spy = vi.spyOn(subtle, 'verify')
  const imports = vi.spyOn(subtle, 'importKey')
  try {
    await verify(await sign(first.privateKey, 'RS256', 'first'))
    expect(spy.mock.calls.map(([algorithm]) => algorithm)).toEqual([
      { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', saltLength: 32 },
    ])
    expect(imports).not.toHaveBeenCalled()
  } finally {
    vi.restoreAllMocks()
  }
})

test('a signature that WebCrypto refuses with an error is a wrong signature', async () => {
  await verify(await sign(first.privateKey, 'RS256', 'first'))
  vi.spyOn(subtle, 'verify').mockRejectedValueOnce(new Error('wrong length'))
  const error = await refusal(verify(await sign(first.privateKey, 'RS256', 'first')))
  vi.restoreAllMocks()
  expect(error.code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
})

test('RP-13: an RSA key of 1024 bits verifies no token, not even at the second try', async () => {
  const short = await rsa('RSASSA-PKCS1-v1_5', 1024)
  const weak = { keys: [await publicJwk(short, 'short')] }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const content = `${part({ alg: 'RS256', kid: 'short' })}.${part(claims)}`
  const signature = await subtle.sign('RSASSA-PKCS1-v1_5', short.privateKey, Buffer.from(content))
  const token = `${content}.${Buffer.from(signature).toString('base64url')}`
  for (let times = 0; times < 2; times += 1) {
    const error = await refusal(verifyLogoutToken(token, [{ ...op.trusted, keys: weak }]))
    expect(error.code).toBe('ERR_LOGOUT_KEYS_UNAVAILABLE')
  }
})

test('RP-54: a key that cannot be used verifies no token, also if another key fits the token', async () => {
  const short = await rsa('RSASSA-PKCS1-v1_5', 1024)
  const both = { keys: [await publicJwk(short, 'short'), await publicJwk(first, 'first')] }
  const signed = (pair: Pair) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256' }).sign(pair.privateKey)
  const trusted = [{ ...op.trusted, keys: both }]
  expect(await verifyLogoutToken(await signed(first), trusted)).toMatchObject({ iss: op.issuer })
  const error = await refusal(verifyLogoutToken(await signed(second), trusted))
  expect(error.code).toBe('ERR_LOGOUT_TOKEN_SIGNATURE')
})
