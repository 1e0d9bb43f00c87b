import { createHmac, generateKeyPairSync, sign, type JsonWebKey, type KeyObject } from 'node:crypto'

/** A provider with its key, and the client that is registered there. */
export interface Party {
  issuer: string
  clientId: string
  alg: string
  kid: string
  /** `undefined` if the key is the client's secret. */
  publicKey: KeyObject | undefined
  publicJwk: JsonWebKey
  secret: string
  /** Returns a valid signature as bytes. */
  sign(input: string): Buffer
}

const secret = 'a-client-secret-of-forty-characters-long'

function createParty(alg: string, publicKey: KeyObject | undefined, signing: (input: string) => Buffer): Party {
  const kid = `key-${alg}`
  const publicJwk = publicKey ? { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' } : {}
  const issuer = `https://${alg.toLowerCase()}.example.com`
  return { issuer, clientId: 'campaign-client', alg, kid, publicKey, publicJwk, secret, sign: signing }
}

/** Creates one provider per algorithm. Each run creates new keys, because no result depends on the keys. */
export function createParties(): Party[] {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  return [
    createParty('RS256', rsa.publicKey, (input) => sign('sha256', Buffer.from(input), rsa.privateKey)),
    createParty('ES256', ec.publicKey, (input) =>
      sign('sha256', Buffer.from(input), { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }),
    ),
    createParty('EdDSA', ed.publicKey, (input) => sign(null, Buffer.from(input), ed.privateKey)),
    createParty('HS256', undefined, (input) => createHmac('sha256', secret).update(input).digest()),
  ]
}
