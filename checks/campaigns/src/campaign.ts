import { createBackchannelLogout, MemoryStore, verifyLogoutToken, type BackchannelLogout } from '@bcl/core'
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createInput, createToken, type Input } from './inputs.ts'
import { createParties } from './party.ts'
import { createRandom } from './random.ts'
import { mayAccept, tokenOfForm } from './second-check.ts'

const { values: options } = parseArgs({
  options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string' }, only: { type: 'string' } },
})
const inputs = Number(options.inputs)
const seed = options.seed === undefined ? randomInt(2 ** 31) : Number(options.seed)
const only = options.only === undefined ? undefined : Number(options.only)

const now = 1_800_000_000
const parties = createParties()
const issuers = parties.map(({ issuer, clientId, alg, publicKey, publicJwk, secret }) => ({
  issuer,
  clientId,
  algorithms: [alg],
  ...(publicKey ? { keys: { keys: [{ kty: '', ...publicJwk }] } } : { clientSecret: secret }),
}))

const counts = new Map<string, number>()
const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
const faults: string[] = []
const fault = (index: number, what: string, input: unknown): void => {
  faults.push(`input ${index}: ${what}\n  ${JSON.stringify(input)?.slice(0, 3000)}`)
}
process.on('unhandledRejection', (error) => faults.push(`unhandled: ${String(error)}`))

/** Compares the result of the library with the result of the second check. Both must accept exactly the same inputs. */
function compare(index: number, accepted: boolean, may: boolean, input: unknown): void {
  if (accepted && !may) fault(index, 'accepted, and the second check refuses it', input)
  if (!accepted && may) fault(index, 'refused, and the second check accepts it', input)
}

async function tryToken(index: number): Promise<void> {
  const token = createToken(parties, now, index, createRandom(seed, index))
  const outcome = await verifyLogoutToken(token, issuers, { now: () => now }).then(
    () => 'accepted',
    (error: unknown) => {
      const { name, code } = error as { name?: string; code?: string }
      if (name !== 'BackchannelLogoutError') fault(index, `threw ${String(error)}`, token)
      return String(code)
    },
  )
  count(`token ${outcome}`)
  if (outcome === 'ERR_LOGOUT_KEYS_UNAVAILABLE') fault(index, 'answered as an outage', token)
  compare(index, outcome === 'accepted', mayAccept(token, parties, now), token)
}

/** Creates a receiver. After some inputs, the campaign creates a new receiver, to keep the store small. */
const receiver = (): BackchannelLogout =>
  createBackchannelLogout({
    issuers,
    sessionMaxAge: 3600,
    store: new MemoryStore({ now: () => now }),
    now: () => now,
  })

const mediaType = /^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i

function mayAnswer200({ method, contentType, body }: Input): boolean {
  if (method !== 'POST' || !mediaType.test(contentType ?? '')) return false
  const token = tokenOfForm(body)
  return token !== undefined && mayAccept(token, parties, now)
}

async function tryRequest(index: number, logout: BackchannelLogout): Promise<void> {
  const random = createRandom(seed, index)
  const input = createInput(createToken(parties, now, index, random), random)
  const { method, contentType, body } = input
  const shown = { method, contentType, body: body.toString('latin1') }
  try {
    const request = new Request('https://rp.example.com/backchannel-logout', {
      method,
      headers: contentType === undefined ? {} : { 'content-type': contentType },
      body: method === 'GET' || method === 'HEAD' ? null : new Uint8Array(body),
    })
    if (contentType === undefined) request.headers.delete('content-type')
    const { status, headers } = await logout.handle(request)
    count(`request ${status}`)
    if (![200, 400, 405, 413].includes(status)) fault(index, `answered ${status}`, shown)
    if (headers.get('cache-control') !== 'no-store') fault(index, 'may be stored', shown)
    compare(index, status === 200, mayAnswer200(input), shown)
  } catch (error) {
    fault(index, `threw ${String(error)}`, shown)
  }
}

console.log(`seed ${seed}, ${inputs} inputs`)
const startedAt = performance.now()
/** The number of inputs that run at the same time, and the number of inputs for one receiver. */
const atOnce = 64
const each = 6400
let logout = receiver()
const [first, end] = only === undefined ? [0, inputs] : [only, only + 1]
for (let start = first; start < end && faults.length < 20; start += atOnce) {
  if (start % each === 0) logout = receiver()
  const batch = Array.from({ length: Math.min(atOnce, end - start) }, (_, offset) => start + offset)
  await Promise.all(batch.map((index) => (index % 2 === 0 ? tryToken(index) : tryRequest(index, logout))))
  if (start > 0 && start % 1_000_000 < atOnce) console.log(`${start} tried, ${faults.length} faults`)
}

for (const [name, times] of [...counts].sort()) console.log(`${name.padEnd(40)} ${times}`)
// Fails if too few inputs were accepted, or if a kind of refusal is too rare. Such a campaign cannot find faults.
if (inputs >= 10_000 && only === undefined) {
  const share = (name: string): number => (counts.get(name) ?? 0) / (inputs / 2)
  const codes = ['INVALID', 'SIGNATURE', 'CLAIM', 'EXPIRED'].map((code) => `token ERR_LOGOUT_TOKEN_${code}`)
  const wanted = [...codes, 'request 400', 'request 405', 'request 413']
  for (const name of wanted) if (share(name) < 0.001) faults.push(`hardly any ${name}`)
  for (const name of ['token accepted', 'request 200']) if (share(name) < 0.1) faults.push(`hardly any ${name}`)
}
for (const found of faults) console.error(found)
const seconds = (performance.now() - startedAt) / 1000
console.log(
  `${faults.length} faults in ${seconds.toFixed(0)} s. To repeat the run, use --seed ${seed}. To repeat one input, add --only INDEX.`,
)
if (faults.length > 0) process.exitCode = 1
