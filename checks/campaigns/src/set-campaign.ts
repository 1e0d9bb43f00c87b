// Pushes generated Security Event Tokens to a receiver: pnpm check security-events [--inputs 10000] [--seed N] [--only INDEX]
import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { createSecurityEventReceiver } from '@bcl/ssf'
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { type Members, signOrSpoil, values } from './inputs.ts'
import { createParties, type Party } from './party.ts'
import { createRandom, type Random } from './random.ts'
import { mayAcceptSet } from './set-check.ts'

const { values: options } = parseArgs({
  options: { inputs: { type: 'string', default: '10000' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const inputs = Number(options.inputs)
const seed = options.seed === undefined ? randomInt(2 ** 31) : Number(options.seed)
const only = options.only === undefined ? undefined : Number(options.only)

const now = 1_800_000_000
const tolerance = 60
const parties = createParties()
// No transmitter uses RSA, because RSA signs slowly. No transmitter uses HS256, because HS256 is not allowed here.
// `victim` is a provider. No transmitter may sign out the users of `victim`.
const transmitters = parties.slice(1, 3)
const victim = parties[3]!
const base = 'https://schemas.openid.net/secevent/'
const types = [
  'caep/event-type/session-revoked',
  'caep/event-type/credential-change',
  'risc/event-type/account-disabled',
  'risc/event-type/sessions-revoked',
  'ssf/event-type/verification',
  'ssf/event-type/stream-updated',
]
const codes = ['invalid_request', 'invalid_key', 'invalid_issuer', 'invalid_audience']

const userOf = ({ issuer }: Party): string => `{"format":"iss_sub","iss":"${issuer}","sub":"alice"}`

/** Returns subjects as JSON: good subjects, wrong subjects, and subjects of another issuer. */
function subjects(party: Party): string[] {
  const session = '{"format":"opaque","id":"s-1"}'
  const complex = (user: string): string => `{"format":"complex","user":${user},"session":${session}}`
  return [
    userOf(party),
    userOf(victim),
    complex(userOf(party)),
    complex(userOf(victim)),
    session,
    `{"format":"complex","session":${session}}`,
    '{"format":"complex","session":{"format":"opaque","id":"ALL"}}',
    `{"subject_type":"iss-sub","iss":"${party.issuer}","sub":"alice"}`,
    '{"format":"email","email":"alice@example.com"}',
    '{"format":7}',
  ]
}

/** Returns events as JSON. */
function events(random: Random): string[] {
  const event = (members: string): string => `{"${base}${random.pick(types)}":${members}}`
  const many = Array.from({ length: 9 + random.number(3) }, (_, index) => `"urn:${index}":{}`).join(',')
  return [
    ...['{}', 'null', '[]', '7', `{"event_timestamp":${now}000}`, `{"event_timestamp":${now + 1e6}}`].map(event),
    event(`{"subject":{"subject_type":"iss-sub","iss":"${victim.issuer}","sub":"alice"}}`),
    `{${many}}`,
  ]
}

function createSet(index: number): string {
  const random = createRandom(seed, index)
  const party = random.pick(transmitters)
  const header: Members = [
    ['alg', `"${party.alg}"`],
    ['kid', `"${party.kid}"`],
    ['typ', random.chance(97) ? '"secevent+jwt"' : random.pick(['"application/SECEVENT+jwt"', '"secevent"'])],
  ]
  const claims: Members = [
    ['iss', `"${party.issuer}"`],
    ['aud', `"${party.clientId}"`],
    ['iat', String(now - random.number(100))],
    ['jti', `"e-${index - random.number(3)}"`],
    ['sub_id', random.chance(70) ? userOf(party) : random.pick(subjects(party))],
    ['events', random.chance(70) ? `{"${base}${random.pick(types)}":{}}` : random.pick(events(random))],
  ]
  const claimNames = [...claims.map(([name]) => name), 'exp', 'nbf', 'toe', 'sub', 'txn', '__proto__']
  const some = random.chance(50) ? values(now, party) : [...subjects(party), ...events(random)]
  return signOrSpoil({ header, claims, claimNames, some }, party, parties, random)
}

const counts = new Map<string, number>()
const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
const faults: string[] = []
process.on('unhandledRejection', (error) => faults.push(`unhandled: ${String(error)}`))

/**
 * Creates a receiver, and sessions that must not end. After some inputs, the campaign creates a new receiver, to keep
 * the store small.
 */
function createReceiver() {
  const issuers = [...transmitters, victim].map(({ issuer, clientId }) => ({ issuer, clientId, keys: { keys: [] } }))
  const store = new MemoryStore({ now: () => now })
  const logout = createBackchannelLogout({ issuers, sessionMaxAge: 3600, store, now: () => now })
  logout.onLogout(({ iss, iat, source, ...event }) => {
    const claims = source === 'security-event' ? (event.claims as { iss: string; iat: number }) : undefined
    if (iss !== claims?.iss) faults.push(`a transmitter has ended sessions of ${iss}: ${JSON.stringify(claims)}`)
    if (iat > (claims?.iat ?? 0) || iat > now + tolerance)
      faults.push(`a marker in the future: ${JSON.stringify(claims)}`)
    count('sessions ended')
  })
  const receiver = createSecurityEventReceiver({
    logout,
    transmitters: transmitters.map(({ issuer, clientId, alg, publicJwk }) => ({
      issuer,
      audience: clientId,
      algorithms: [alg],
      keys: { keys: [{ kty: '', ...publicJwk }] },
    })),
    timeout: 20,
  })
  const isVictimSafe = async (): Promise<boolean> =>
    !(await logout.isLoggedOut({ iss: victim.issuer, sub: 'alice', sid: 's-1', iat: now - 1000 }))
  return { respond: receiver.respond, isVictimSafe }
}

async function trySet(index: number, { respond }: ReturnType<typeof createReceiver>): Promise<void> {
  const jwt = createSet(index)
  const fault = (what: string): void => void faults.push(`input ${index}: ${what}\n  ${jwt.slice(0, 3000)}`)
  const { status, headers, body } = await respond({
    method: 'POST',
    contentType: 'application/secevent+jwt',
    body: jwt,
  })
  count(`answer ${status}`)
  if (headers['cache-control'] !== 'no-store') fault('may be stored')
  if (status === 202 ? body !== '' : status !== 400) fault(`answered ${status} ${body}`)
  if (status === 400) {
    const { err, description } = JSON.parse(body) as { err: string; description: string }
    count(err)
    if (!codes.includes(err) || /alice|example/.test(description)) fault(`answered ${body}`)
  }
  const may = mayAcceptSet(jwt, transmitters, now)
  if ((status === 202) !== may) fault(`answered ${status}, and the second check says ${may ? 'good' : 'wrong'}`)
}

console.log(`seed ${seed}, ${inputs} inputs`)
const startedAt = performance.now()
/** The number of inputs that run at the same time, and the number of inputs for one receiver. */
const atOnce = 64
const each = 6400
let receiver = createReceiver()
const [first, end] = only === undefined ? [0, inputs] : [only, only + 1]
for (let start = first; start < end && faults.length < 20; start += atOnce) {
  if (start % each === 0) receiver = createReceiver()
  const batch = Array.from({ length: Math.min(atOnce, end - start) }, (_, offset) => start + offset)
  await Promise.all(batch.map((index) => trySet(index, receiver)))
  if (!(await receiver.isVictimSafe())) faults.push(`the batch ${start} has ended a session of ${victim.issuer}`)
}

for (const [name, times] of [...counts].sort()) console.log(`${name.padEnd(20)} ${times}`)
if (inputs >= 10_000 && only === undefined) {
  const wanted = {
    'answer 202': 0.1,
    'answer 400': 0.1,
    'sessions ended': 0.05,
    ...Object.fromEntries(codes.map((code) => [code, 0.001])),
  }
  for (const [name, share] of Object.entries(wanted))
    if ((counts.get(name) ?? 0) < share * inputs) faults.push(`hardly any ${name}`)
}
for (const found of faults) console.error(found)
const seconds = (performance.now() - startedAt) / 1000
console.log(
  `${faults.length} faults in ${seconds.toFixed(0)} s. To repeat the run, use --seed ${seed}. To repeat one input, add --only INDEX.`,
)
if (faults.length > 0) process.exitCode = 1
