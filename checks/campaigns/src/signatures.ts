// Compares the library's result for a signature with the result of jose, for each algorithm and each kind of key.
import { verifyLogoutToken, type TrustedIssuer } from '@bcl/core'
import * as jose from 'jose'
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createRandom, type Random } from './random.ts'

const { values: options } = parseArgs({
  options: { inputs: { type: 'string', default: '20000' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const inputs = Number(options.inputs)
const seed = options.seed === undefined ? randomInt(2 ** 31) : Number(options.seed)
const only = options.only === undefined ? undefined : Number(options.only)

const now = 1_800_000_000
const issuer = 'https://op.example.com'
const clientId = 'campaign-client'
const secret = 'a secret of the client that is long enough for every one of HS256, HS384 and HS512'
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
algorithms.push('HS256', 'HS384', 'HS512', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87')

/** The types of keys that the library accepts. */
type Keys = NonNullable<TrustedIssuer['keys']>
interface Party {
  alg: string
  tokens: readonly string[]
  /** The keys, each with the name of its kind. Some keys do not fit the algorithm. */
  keys: readonly (readonly [kind: string, keys: Keys | undefined])[]
}

const claims = {
  iss: issuer,
  aud: clientId,
  iat: now,
  exp: now + 120,
  sub: 'alice',
  events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
}
const sign = (alg: string, key: jose.CryptoKey | Uint8Array, kid: string): Promise<string[]> =>
  Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      new jose.SignJWT({ ...claims, jti: `j-${index}` })
        .setProtectedHeader({ alg, typ: 'logout+jwt', ...(index % 3 > 0 && { kid }) })
        .sign(key),
    ),
  )

async function createParty(alg: string): Promise<Party | undefined> {
  if (alg.startsWith('HS'))
    return { alg, tokens: await sign(alg, new TextEncoder().encode(secret), 'kid'), keys: [['secret', undefined]] }
  try {
    const pair = () => jose.generateKeyPair(alg, { extractable: true })
    const [own, other] = [await pair(), await pair()]
    const jwk = { ...(await jose.exportJWK(own.publicKey)), kid: 'kid', alg, use: 'sig' }
    const otherJwk = { ...(await jose.exportJWK(other.publicKey)), kid: 'other' }
    const { alg: _alg, ...anyAlg } = jwk
    const keySet = (...keys: object[]): Keys => ({ keys: keys as jose.JWK[] })
    return {
      alg,
      tokens: await sign(alg, own.privateKey, 'kid'),
      keys: [
        ['a JWK Set', keySet(jwk)],
        ['a JWK Set with two keys', keySet(otherJwk, jwk)],
        [
          'a JWK Set with two keys without alg or kid',
          keySet({ ...otherJwk, kid: undefined }, { ...anyAlg, kid: undefined }),
        ],
        ['a JWK Set for encryption', keySet({ ...jwk, use: 'enc' })],
        ['a CryptoKey', async () => own.publicKey],
        ['a JWK', async () => jwk],
        ['a private key', async () => own.privateKey],
        ['another key', async () => other.publicKey],
        ['bytes', async () => new TextEncoder().encode(secret)],
      ],
    }
  } catch {
    // This version of Node does not support the algorithm.
    return undefined
  }
}

const parties = (await Promise.all(algorithms.map(createParty))).filter((party) => party !== undefined)
/** An RSA key that is too short. */
const weak = await crypto.subtle.generateKey(
  { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) },
  true,
  ['sign', 'verify'],
)
/** Keys of other algorithms, and the short RSA key. jose refuses these keys or imports them differently. */
const foreign: readonly (readonly [string, Keys | undefined])[] = [
  ...parties.flatMap(({ alg, keys }) =>
    keys
      .filter(([kind]) => kind === 'a CryptoKey' || kind === 'a JWK')
      .map(([kind, key]) => [`${kind} of ${alg}`, key] as const),
  ),
  ['a short RSA key', async () => weak.publicKey],
]

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const replaceAt = (text: string, at: number, char: string): string => text.slice(0, at) + char + text.slice(at + 1)

/** Changes a token: its bytes, its length, its parts or its spelling. */
function change(token: string, others: readonly string[], random: Random): readonly [kind: string, token: string] {
  const parts = token.split('.')
  const at = random.number(3)
  const part = parts[at]!
  const withPart = (text: string): string => parts.with(at, text).join('.')
  switch (random.number(8)) {
    case 0:
      return ['mutated', withPart(replaceAt(part, random.number(part.length), random.pick([...alphabet])))]
    case 1:
      return ['truncated', withPart(part.slice(0, random.number(part.length)))]
    case 2:
      return ['longer', withPart(part + random.pick(['A', 'AA', 'AAA', 'AAAA', part]))]
    case 3:
      return ['with a part of another token', withPart(random.pick(others).split('.')[at]!)]
    case 4: {
      // Changes the spare bits. The decoded bytes stay the same.
      const value = alphabet.indexOf(part.at(-1)!) ^ (1 + random.number(3))
      return ['not canonical', withPart(part.slice(0, -1) + alphabet[value]!)]
    }
    case 5:
      return [
        'not canonical',
        withPart(
          random.pick([`${part}=`, ` ${part}`, `${part}\n`, part.replaceAll('_', '/'), part.replaceAll('-', '+')]),
        ),
      ]
    case 6:
      return ['zeros', parts.with(2, 'A'.repeat(parts[2]!.length)).join('.')]
    default:
      return ['without a signature', parts.with(2, '').join('.')]
  }
}

const isCanonical = (token: string): boolean =>
  token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)

/** Returns the result of jose. If several keys of a set fit, tries each key, as the documentation of jose shows. */
async function verdictOfJose(token: string, alg: string, keys: Keys | undefined): Promise<string> {
  const settings = { algorithms: [alg] }
  const verify = (key: unknown): Promise<unknown> => jose.compactVerify(token, key as jose.CryptoKey, settings)
  try {
    if (keys === undefined) await verify(new TextEncoder().encode(secret))
    else await verify(typeof keys === 'function' ? keys : jose.createLocalJWKSet(keys as jose.JSONWebKeySet))
    return 'accepted'
  } catch (error) {
    if (error instanceof jose.errors.JWKSMultipleMatchingKeys) {
      for await (const candidate of error) if (await verify(candidate).catch(() => {})) return 'accepted'
      return 'ERR_LOGOUT_TOKEN_SIGNATURE'
    }
    // Any other error means that the key is wrong, not the token.
    return error instanceof jose.errors.JOSEError ? 'ERR_LOGOUT_TOKEN_SIGNATURE' : 'ERR_LOGOUT_KEYS_UNAVAILABLE'
  }
}

const counts = new Map<string, number>()
const faults: string[] = []

async function tryToken(index: number): Promise<void> {
  const random = createRandom(seed, index)
  const { alg, tokens, keys: own } = parties[index % parties.length]!
  const [keysKind, keys] = chooseKeys(own, alg, random)
  const right = random.pick(tokens)
  const others = random.chance(50) ? tokens : random.pick(parties).tokens
  const [kind, token] = random.chance(35) ? (['right', right] as const) : change(right, others, random)
  const trusted = { issuer, clientId, algorithms: [alg], ...(keys ? { keys } : { clientSecret: secret }) }
  const verdict = await verifyLogoutToken(token, [trusted as TrustedIssuer], { now: () => now }).then(
    () => 'accepted',
    (error: { code?: string }) => String(error.code ?? error),
  )
  counts.set(`${kind}: ${verdict}`, (counts.get(`${kind}: ${verdict}`) ?? 0) + 1)
  const expected = await verdictOfJose(token, alg, keys)
  // Before the signature, the library checks the spelling, the header, and the claims iss, aud and azp. If one of these
  // is wrong, the library must refuse the token, even if jose accepts the signature.
  const isEarly =
    /^ERR_LOGOUT_TOKEN_(?:INVALID|CLAIM)$/.test(verdict) && (expected !== 'accepted' || !isCanonical(token))
  if (isEarly || (isCanonical(token) && verdict === expected)) return
  faults.push(
    `input ${index}: ${alg} with ${keysKind}, ${kind}: the library says ${verdict}, and jose says ${expected}\n  ${token}`,
  )
}

/** Chooses keys: mostly the keys of the party, and sometimes keys of other algorithms. */
function chooseKeys(own: Party['keys'], alg: string, random: Random): readonly [string, Keys | undefined] {
  if (alg.startsWith('HS') || random.chance(90)) return random.pick(own)
  return random.pick(foreign)
}

console.log(`seed ${seed}, ${inputs} inputs, ${parties.map(({ alg }) => alg).join(' ')}`)
const startedAt = performance.now()
const atOnce = 64
const [first, end] = only === undefined ? [0, inputs] : [only, only + 1]
for (let start = first; start < end && faults.length < 20; start += atOnce)
  await Promise.all(Array.from({ length: Math.min(atOnce, end - start) }, (_, offset) => tryToken(start + offset)))

for (const [name, times] of [...counts].sort()) console.log(`${name.padEnd(60)} ${times}`)
// Fails if hardly any token was accepted, because such a campaign cannot find faults.
const accepted = counts.get('right: accepted') ?? 0
if (inputs >= 10_000 && only === undefined && accepted < inputs / 10) faults.push('hardly any right token was accepted')
for (const found of faults) console.error(found)
const seconds = (performance.now() - startedAt) / 1000
console.log(
  `${faults.length} faults in ${seconds.toFixed(0)} s. To repeat the run, use --seed ${seed}. To repeat one input, add --only INDEX.`,
)
if (faults.length > 0) process.exitCode = 1
