import { BACKCHANNEL_LOGOUT_EVENT } from '@bcl/core'
import type { Json, Knowledge, ReceivedToken } from './received-token.ts'

/** Tells whether a token has one particular fault. */
type Check = (token: ReceivedToken, knowledge: Knowledge) => boolean

/** Makes a check of the header. A header that cannot be read passes. */
const header =
  (isWrong: (header: Json) => boolean): Check =>
  ({ header: found }) =>
    found !== undefined && isWrong(found)

/** Makes a check of the claims. Claims that cannot be read pass. */
const claims =
  (isWrong: (claims: Json, knowledge: Knowledge) => boolean): Check =>
  ({ claims: found }, knowledge) =>
    found !== undefined && isWrong(found, knowledge)

const isAlphabetic = (text: string): boolean => /^[\w.-]*$/.test(text)
const limit = 16 * 1024
const minute = 60
const event = (isWrong: (value: unknown) => boolean): Check =>
  claims(
    ({ events }) =>
      events instanceof Object && BACKCHANNEL_LOGOUT_EVENT in events && isWrong(events[BACKCHANNEL_LOGOUT_EVENT]),
  )

/** The checks of the form. */
const formChecks: Record<string, Check> = {
  'empty-text': ({ text }) => text === '',
  'two-parts': ({ parts }) => parts.length === 2,
  'four-parts': ({ parts }) => parts.length === 4,
  'five-parts-encrypted-for-nobody': ({ parts }) => parts.length === 5,
  'six-parts': ({ parts }) => parts.length === 6,
  'a-line-feed-at-the-end': ({ text }) => text.endsWith('\n'),
  'a-space-inside-the-signature': ({ text }) => text.includes(' '),
  padding: ({ text }) => text.endsWith('='),
  'plus-and-slash-for-minus-and-underscore': ({ text }) => /[+/]/.test(text),
  'spare-bits-in-the-signature': ({ text, parts: [, , last = ''] }) =>
    isAlphabetic(text) && last.length % 4 === 2 && !/[AQgw]$/.test(last),
  'a-character-too-many': ({ parts: [, , last = ''] }) => last.length % 4 === 1,
  'more-than-16-KiB': ({ text }) => text.length > limit,
  'a-header-that-is-not-JSON': ({ parts: [first = ''] }) => first === Buffer.from('{').toString('base64url'),
  'a-header-that-is-an-array': ({ parts: [first = ''] }) => first === Buffer.from('[]').toString('base64url'),
  'a-header-that-is-not-UTF-8': ({ parts: [first = ''] }) => Buffer.from(first, 'base64url').includes(0xff),
  'a-payload-that-is-not-JSON': ({ parts: [, second = ''] }) => Buffer.from(second, 'base64url').toString() === 'alice',
  'a-payload-that-is-null': ({ parts: [, second = ''] }) => Buffer.from(second, 'base64url').toString() === 'null',
}

/** The checks of the header, except its alg. */
const headerChecks: Record<string, Check> = {
  'a-critical-extension': header(({ crit }) => crit?.length > 0),
  'an-empty-crit': header(({ crit }) => crit?.length === 0),
  'typ-of-an-access-token': header(({ typ }) => typ === 'at+jwt'),
  'typ-of-a-security-event': header(({ typ }) => typ === 'secevent+jwt'),
  'an-empty-typ': header(({ typ }) => typ === ''),
  'typ-null': header(({ typ }) => typ === null),
}

const isRs256 = ({ header: found }: ReceivedToken): boolean => found?.['alg'] === 'RS256'
const isKnown = ({ header: found }: ReceivedToken, { keys }: Knowledge): boolean =>
  typeof found?.['kid'] !== 'string' || keys.some(({ kid }) => kid === found['kid'])
const isZero = ({ signature }: ReceivedToken): boolean => signature.length > 0 && signature.every((byte) => byte === 0)
const isSignedByOwnKey = ({ header: found, isSignedBy }: ReceivedToken): boolean =>
  found?.['jwk'] !== undefined && isSignedBy([found['jwk']])
const hasAlg =
  (alg: string): Check =>
  ({ header: found, signature }) =>
    found?.['alg'] === alg && signature.length === 0

/** The checks of alg and signature. Only tokens with three parts have a signature that can be checked. */
const signatureChecks: Record<string, Check> = {
  'a-changed-payload': (token, { keys }) => isRs256(token) && !token.isSignedBy(keys) && token.isMadeBy(keys),
  'another-signature': (token) => isRs256(token) && isZero(token),
  'an-empty-signature': (token) => isRs256(token) && token.signature.length === 0,
  'a-key-of-somebody-else-under-a-known-kid': (token, knowledge) =>
    isRs256(token) &&
    isKnown(token, knowledge) &&
    token.signature.length > 0 &&
    !isZero(token) &&
    !isSignedByOwnKey(token) &&
    !token.isMadeBy(knowledge.keys),
  'an-unknown-kid': (token, knowledge) => !isKnown(token, knowledge) && token.header!['jwk'] === undefined,
  'the-key-in-the-header': (token, knowledge) => isSignedByOwnKey(token) && !isKnown(token, knowledge),
  'the-key-in-the-header-under-a-known-kid': (token, knowledge) => isSignedByOwnKey(token) && isKnown(token, knowledge),
  'a-good-signature-under-PS256-which-is-not-registered': (token, { keys }) =>
    token.header?.['alg'] === 'PS256' && token.isPssBy(keys),
  'the-public-key-as-the-secret-of-HS256': (token, { pem }) => token.isHmac(pem),
  'the-client-secret-as-the-key-of-HS256-which-is-not-registered': (token, { provider }) =>
    token.isHmac(provider.clientSecret),
  'alg-none': hasAlg('none'),
  'alg-None': hasAlg('None'),
  'alg-nOnE': hasAlg('nOnE'),
  'alg-NONE': hasAlg('NONE'),
  'alg-none-with-a-signature': (token, { keys }) => token.header?.['alg'] === 'none' && token.isSignedBy(keys),
  'no-alg': header(({ alg }) => alg === undefined),
  'alg-in-lower-case': header(({ alg }) => alg === 'rs256'),
  // The tables have no row for these faults. A module of the OpenID Foundation sends the first one.
  'another-algorithm': header(({ alg }) => alg === 'ES256'),
}

const isText = (value: unknown): boolean => typeof value === 'string'

/** The checks of the claims. */
const claimChecks: Record<string, Check> = {
  'no-iss': claims(({ iss }) => iss === undefined),
  'iss-of-another-issuer': claims(
    ({ iss }, { provider: { op } }) => isText(iss) && iss.toLowerCase() !== op.issuer && iss !== `${op.issuer}/`,
  ),
  'iss-with-a-trailing-slash': claims(({ iss }, { provider: { op } }) => iss === `${op.issuer}/`),
  'iss-in-capitals': claims(({ iss }, { provider: { op } }) => iss === op.issuer.toUpperCase()),
  'iss-in-a-list': claims(({ iss }) => Array.isArray(iss)),
  'no-aud': claims(({ aud }) => aud === undefined),
  'aud-of-another-client': claims(({ aud }, { provider: { op } }) => isText(aud) && !aud.startsWith(op.clientId)),
  'an-empty-list-as-aud': claims(({ aud }) => Array.isArray(aud) && aud.length === 0),
  'a-further-audience': claims(({ aud }) => Array.isArray(aud) && aud.length > 1 && aud.every(isText)),
  'a-further-audience-that-is-a-number': claims(({ aud }) => Array.isArray(aud) && !aud.every(isText)),
  'aud-that-begins-like-the-client': claims(
    ({ aud }, { provider: { op } }) => isText(aud) && aud !== op.clientId && aud.startsWith(op.clientId),
  ),
  'azp-of-another-client': claims(({ azp }, { provider: { op } }) => isText(azp) && azp !== op.clientId),
  'azp-null': claims(({ azp }) => azp === null),
  'no-iat': claims(({ iat }) => iat === undefined),
  'iat-as-text': claims(({ iat }) => isText(iat)),
  'iat-null': claims(({ iat }) => iat === null),
  'no-exp': claims(({ exp }) => exp === undefined),
  'exp-as-text': claims(({ exp }) => isText(exp)),
  'exp-null': claims(({ exp }) => exp === null),
  'exp-is-1e999': claims(({ exp }) => exp === Infinity),
  'iat-is-1e999': claims(({ iat }) => iat === -Infinity),
  'nbf-as-text': claims(({ nbf }) => isText(nbf)),
  'exp-ten-minutes-ago': claims(({ exp }, { now }) => typeof exp === 'number' && exp <= now - minute),
  'iat-ten-minutes-ahead': claims(({ iat }, { now }) => typeof iat === 'number' && iat > now + minute),
  'nbf-ten-minutes-ahead': claims(({ nbf }, { now }) => typeof nbf === 'number' && nbf > now + minute),
  'no-jti': claims(({ jti }) => jti === undefined),
  'jti-null': claims(({ jti }) => jti === null),
  'an-empty-jti': claims(({ jti }) => jti === ''),
  'jti-as-a-number': claims(({ jti }) => typeof jti === 'number'),
  'no-events': claims(({ events, event: other }) => events === undefined && other === undefined),
  'events-null': claims(({ events }) => events === null),
  'events-as-a-list': claims(({ events }) => Array.isArray(events)),
  'events-as-text': claims(({ events }) => isText(events)),
  'events-without-the-logout-event': claims(
    ({ events }) => events instanceof Object && !Array.isArray(events) && Object.keys(events).length === 0,
  ),
  'events-with-another-event': claims(
    ({ events }) =>
      events instanceof Object &&
      !Array.isArray(events) &&
      Object.keys(events).length > 0 &&
      !(BACKCHANNEL_LOGOUT_EVENT in events),
  ),
  'the-event-null': event((value) => value === null),
  'the-event-a-list': event(Array.isArray),
  'the-event-true': event((value) => value === true),
  'the-event-text': event(isText),
  'event-for-events-WSO2-5-9': claims(({ events, event: other }) => events === undefined && other !== undefined),
  'a-nonce': claims(({ nonce }) => Boolean(nonce)),
  'nonce-null': claims(({ nonce }) => nonce === null),
  'an-empty-nonce': claims(({ nonce }) => nonce === ''),
  'neither-sub-nor-sid': claims(({ sub, sid }) => sub === undefined && sid === undefined),
  'sub-and-sid-null': claims(({ sub, sid }) => sub === null && sid === null),
  'an-empty-sub': claims(({ sub }) => sub === ''),
  'sub-as-a-number': claims(({ sub }) => typeof sub === 'number'),
  'an-empty-sid': claims(({ sid }) => sid === ''),
  'sid-as-a-number': claims(({ sid }) => typeof sid === 'number'),
  'sid-as-an-object': claims(({ sid }) => sid !== null && typeof sid === 'object'),
}

/** The names of all switches. Each is the id of a case, without `refuse/`. */
export const switches = Object.keys({ ...formChecks, ...headerChecks, ...signatureChecks, ...claimChecks }).filter(
  (name) => name !== 'another-algorithm',
)

/** Returns the names of the checks that refuse a token. */
export function faultsOf(token: ReceivedToken, knowledge: Knowledge): string[] {
  const hasThreeParts = token.parts.length === 3
  const checks = { ...formChecks, ...headerChecks, ...(hasThreeParts && signatureChecks), ...claimChecks }
  return Object.entries(checks).flatMap(([name, isWrong]) => (isWrong(token, knowledge) ? [name] : []))
}
