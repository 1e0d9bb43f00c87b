import { createHmac } from 'node:crypto'
import type { Party } from './party.ts'
import type { Random } from './random.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'
const base64url = (text: string | Buffer): string => Buffer.from(text).toString('base64url')

/** Returns unusual JSON values, as texts. */
export function values(now: number, { clientId, issuer }: Party): string[] {
  const plain = ['null', 'true', 'false', '0', '-0', '-1', '1e999', '-1e999', '1e-7', '[]', '{}', '[null]', '[{}]']
  const times = [-3600, -121, -61, -60, -59, 0, 1, 59, 60, 61, 3600].map((apart) => String(now + apart))
  const oddTimes = [`"${now}"`, `${now}000`, `${now}.5`]
  const texts = [
    '""',
    '" "',
    '"x"',
    '"alice"',
    '"__proto__"',
    '"\\u0000"',
    '"\\ud800"',
    '"é😀"',
    `"${'x'.repeat(2000)}"`,
  ]
  const ours = [`"${clientId}"`, `["${clientId}"]`, `["${clientId}","${clientId}"]`, `["${clientId}","other"]`]
  const nearlyOurs = [`[["${clientId}"]]`, `{"0":"${clientId}"}`, `"${issuer}"`, `"${issuer}/"`, `["${issuer}"]`]
  const events = [`{"${event}":{}}`, `{"${event}":null}`, `{"${event}":[]}`, `{"${event}":{"a":1},"b":true}`]
  const noEvents = [`{"__proto__":{"${event}":{}}}`, `["${event}"]`, `"${event}"`]
  const types = ['"JWT"', '"jwt"', '"logout+jwt"', '"application/logout+JWT"', '"at+jwt"', '["exp"]', '["b64"]']
  const algs = ['"none"', '"None"', '"RS256"', '"ES256"', '"EdDSA"', '"Ed25519"', '"HS256"', '"HS512"', '"PS256"']
  return [plain, times, oddTimes, texts, ours, nearlyOurs, events, noEvents, types, algs].flat()
}

const claimNames = [
  'iss',
  'aud',
  'iat',
  'exp',
  'nbf',
  'jti',
  'sub',
  'sid',
  'events',
  'nonce',
  'azp',
  '__proto__',
  'toString',
  'x',
]
const headerNames = [
  'alg',
  'kid',
  'typ',
  'crit',
  'b64',
  'jwk',
  'jku',
  'x5c',
  'cty',
  'zip',
  'enc',
  'epk',
  '__proto__',
  'x',
]

/** The members of a JSON object as texts, in their order. Two members can have the same name. */
export type Members = [name: string, value: string][]
const format = (members: Members): string =>
  `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`

const good = (party: Party, now: number, index: number): { header: Members; claims: Members } => ({
  header: [
    ['alg', `"${party.alg}"`],
    ['kid', `"${party.kid}"`],
    ['typ', '"logout+jwt"'],
  ],
  claims: [
    ['iss', `"${party.issuer}"`],
    ['aud', `"${party.clientId}"`],
    ['iat', String(now)],
    ['exp', String(now + 120)],
    ['jti', `"j-${index}"`],
    ['sub', '"alice"'],
    ['sid', `"s-${index % 50}"`],
    ['events', `{"${event}":{}}`],
  ],
})

/** Sets, adds, duplicates or removes a member. */
function changeMembers(members: Members, names: readonly string[], some: readonly string[], random: Random): void {
  const name = random.pick(names)
  const at = members.findIndex(([one]) => one === name)
  const act = random.number(10)
  if (act < 3 && at >= 0) members.splice(at, 1)
  else if (act < 8 && at >= 0) members[at] = [name, random.pick(some)]
  else if (act < 9) members.push([name, random.pick(some)])
  else members.unshift([name, random.pick(some)])
}

/** Flips, inserts, removes, repeats or cuts bytes, one to three times. */
function changeBytes(bytes: Buffer, random: Random): Buffer {
  let changed: Buffer = Buffer.from(bytes)
  for (let times = 1 + random.number(3); times > 0; times -= 1) {
    const at = random.number(changed.length + 1)
    const to = at + random.number(8)
    const [before, after] = [changed.subarray(0, at), changed.subarray(at)]
    switch (random.number(6)) {
      case 0:
        if (at < changed.length) changed[at]! ^= 1 << random.number(8)
        break
      case 1:
        changed = Buffer.concat([before, Buffer.from([random.number(256)]), after])
        break
      case 2:
        changed = Buffer.concat([before, Buffer.from(random.pick([...'.=-_+/ \n\t"{}[],:0%&\0é'])), after])
        break
      case 3:
        changed = Buffer.concat([before, changed.subarray(to)])
        break
      case 4:
        changed = Buffer.concat([before, changed.subarray(at, to), after])
        break
      default:
        if (random.chance(20)) changed = Buffer.from(before)
    }
  }
  return changed
}

/** Returns a signature that is usually wrong: a malformed signature, or the signature of another token or another key. */
function badSignature(input: string, party: Party, others: readonly Party[], random: Random): string {
  const own = party.sign(input)
  switch (random.number(8)) {
    case 0:
      return ''
    case 1:
      return base64url(Buffer.alloc(own.length))
    case 2:
      return base64url(own.subarray(0, random.number(own.length)))
    case 3:
      return base64url(Buffer.concat([own, Buffer.from([0])]))
    case 4:
      return base64url(random.pick(others).sign(input))
    case 5:
      return base64url(party.sign(`${input} `))
    case 6:
      return base64url(createHmac('sha256', JSON.stringify(party.publicJwk)).update(input).digest())
    default:
      return base64url(changeBytes(own, random))
  }
}

const rare = 5
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Makes a valid token. Sometimes changes its claims, its header, its JSON, its signature or its text. */
export function createToken(parties: readonly Party[], now: number, index: number, random: Random): string {
  // RSA signs slowly, so RSA tokens are rare.
  const party = random.chance(rare) ? parties[0]! : random.pick(parties.slice(1))
  return signOrSpoil({ ...good(party, now, index), claimNames, some: values(now, party) }, party, parties, random)
}

/** A valid token, and values that can replace its claims. */
export interface Source {
  header: Members
  claims: Members
  /** The names of claims to change. */
  claimNames: readonly string[]
  /** Values as JSON. */
  some: readonly string[]
}

/** Signs a token. Sometimes changes its claims, its header, its JSON, its signature or its text. */
export function signOrSpoil(
  { header, claims, claimNames: names, some }: Source,
  party: Party,
  parties: readonly Party[],
  random: Random,
): string {
  if (random.chance(60)) {
    for (let times = 1 + random.number(3); times > 0; times -= 1) {
      if (random.chance(75)) changeMembers(claims, names, some, random)
      else changeMembers(header, headerNames, some, random)
    }
  }
  const bytes: Buffer[] = [Buffer.from(format(header)), Buffer.from(format(claims))]
  if (random.chance(15)) {
    const at = random.number(2)
    bytes[at] = changeBytes(bytes[at]!, random)
  }
  const input = bytes.map((part) => base64url(part)).join('.')
  const signature = random.chance(15) ? badSignature(input, party, parties, random) : base64url(party.sign(input))
  const token = `${input}.${signature}`
  if (!random.chance(15)) return token
  const parts = token.split('.')
  switch (random.number(7)) {
    case 0: {
      // Changes the spare bits. If the part has no spare bits, changes its bytes.
      const at = random.number(3)
      const last = parts[at]!.at(-1)!
      const value = alphabet.indexOf(last) ^ (1 + random.number(3))
      parts[at] = parts[at]!.slice(0, -1) + (alphabet[value] ?? last)
      return parts.join('.')
    }
    case 6:
      return parts.toReversed().join('.')
    case 1:
      return parts.slice(0, random.number(3)).join('.')
    case 2:
      return [...parts, random.pick(parts), random.pick(parts)].join('.')
    case 3:
      return token + random.pick(['=', '==', '.', '\n', ' ', '\0', token])
    default:
      return changeBytes(Buffer.from(token), random).toString()
  }
}

/** The parts of a request to the endpoint. `Request` does not accept all of these values. */
export interface Input {
  method: string
  contentType: string | undefined
  body: Buffer
}

/** Makes a good request. Sometimes changes its method, its media type or its body. */
export function createInput(token: string, random: Random): Input {
  const form = 'application/x-www-form-urlencoded'
  const method = random.chance(94)
    ? 'POST'
    : random.pick(['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD', 'REPORT'])
  const contentType = random.chance(90)
    ? random.pick([form, form, `${form}; charset=UTF-8`, form.toUpperCase(), ` ${form} ;x`])
    : random.pick([
        undefined,
        '',
        'text/plain',
        'application/json',
        `${form}x`,
        `multipart/form-data; boundary=x`,
        `x,${form}`,
      ])
  const escaped = (text: string): string => (random.chance(80) ? encodeURIComponent(text.toWellFormed()) : text)
  let pairs = [`logout_token=${escaped(token)}`]
  if (random.chance(25)) {
    const extra = [
      'a=b',
      '&',
      'logout_token',
      'logout_token=',
      'logout_token[]=x',
      'logout_token[0]=x',
      'Logout_token=x',
    ]
    extra.push(`logout_token=${token}`, 'logout%5Ftoken=x', 'logout_tokens=x', '%', '%zz=%e9', 'a'.repeat(200), '=')
    pairs = random.chance(50) ? [...pairs, random.pick(extra)] : [random.pick(extra), ...pairs]
  }
  let body: Buffer = Buffer.from(pairs.join('&'))
  if (random.chance(15)) body = changeBytes(body, random)
  if (random.chance(1)) body = Buffer.concat([body, Buffer.from(`&x=${'x'.repeat(65_500 + random.number(100))}`)])
  return { method, contentType, body }
}
