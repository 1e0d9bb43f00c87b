// Makes session cookies in the way of an attacker who knows or guesses the secret of the application.
import { createHmac, hkdfSync } from 'node:crypto'

import fastifySecureSession from '@fastify/secure-session'
import Fastify from 'fastify'
import { sealData } from 'iron-session'
import { CompactEncrypt, EncryptJWT, UnsecuredJWT } from 'jose'

import { signIn, type Application } from './application.ts'

/** Makes a cookie with a session of the user `admin`. The cookie is signed or encrypted with `secret`. */
export type Forge = (application: Application, secret: string) => Promise<string>

const claimsFor = ({ issuer }: Application) => ({ iss: issuer, sub: 'admin', iat: Math.floor(Date.now() / 1000) })

export const ironSession: Forge = async (application, secret) =>
  `session=${await sealData({ claims: claimsFor(application) }, { password: secret, ttl: 3600 })}`

/** The session is in a cookie that Auth.js encrypts. */
export const authjs: Forge = async (application, secret) => {
  const name = 'authjs.session-token'
  const key = hkdfSync('sha256', secret, name, `Auth.js Generated Encryption Key (${name})`, 64)
  const jwt = new EncryptJWT({ claims: claimsFor(application) }).setProtectedHeader({
    alg: 'dir',
    enc: 'A256CBC-HS512',
  })
  return `${name}=${await jwt.setExpirationTime('1h').encrypt(new Uint8Array(key))}`
}

/** The session is in a cookie that keygrip signs. */
export const koaSession: Forge = async (application, secret) => {
  const session = { claims: claimsFor(application), _expire: Date.now() + 3_600_000, _maxAge: 3_600_000 }
  const pair = `koa.sess=${Buffer.from(JSON.stringify(session)).toString('base64')}`
  return `${pair}; koa.sess.sig=${createHmac('sha1', secret).update(pair).digest('base64url')}`
}

/** The session is on the server, and its id is in the cookie. In this case, the attacker knows an id. */
export const expressSession: Forge = async (application, secret) => {
  const signed = decodeURIComponent((await signIn(application)).get('connect.sid')!)
  const id = signed.slice('s:'.length, signed.lastIndexOf('.'))
  const signature = createHmac('sha256', secret).update(id).digest('base64').replace(/=+$/, '')
  return `connect.sid=${encodeURIComponent(`s:${id}.${signature}`)}`
}

export const expressOpenidConnect: Forge = async (application, secret) => {
  const claims = claimsFor(application)
  const idToken = new UnsecuredJWT({ ...claims, aud: 'my-client', exp: claims.iat + 3600 }).encode()
  const times = { iat: claims.iat, uat: claims.iat, exp: claims.iat + 3600 }
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'JWE CEK', 32))
  const jwe = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify({ id_token: idToken, claims })))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', ...times })
    .encrypt(key)
  return `appSession=${jwe}`
}

/** The session is in a cookie. A key from the secret encrypts it. */
export const secureSession: Forge = async (application, secret) => {
  const app = Fastify()
  await app.register(fastifySecureSession, { secret, salt: 'a-salt-of-16-chr' })
  const session = app.createSecureSession({ claims: claimsFor(application) })
  return `session=${encodeURIComponent(app.encodeSecureSession(session))}`
}
