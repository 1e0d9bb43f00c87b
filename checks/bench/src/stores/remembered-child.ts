// A process that remembers a number of logouts. It measures a burst for each message.
import { MemoryStore } from '@bcl/core'
import { fill } from '../measure/fill.ts'
import { atOnce, rateOf } from '../measure/measure.ts'
import { createCheapIssuer } from '../measure/tokens.ts'

const remembered = Number(process.argv[2])
const [tokens, checks] = [Number(process.argv[3]), Number(process.argv[4])]
const store = new MemoryStore()
await fill(store, remembered)
const issuer = await createCheapIssuer()
const logout = issuer.createReceiver(store)

/** A random session. Half of the sessions are logged out. */
const session = () => {
  const index = Math.floor(Math.random() * remembered * 2)
  return issuer.op.session({ sub: `sub-${index}`, sid: `sid-${index}` })
}

const rounds = {
  logouts: () =>
    rateOf({
      count: tokens,
      prepare: () => Promise.all(Array.from({ length: tokens }, () => issuer.token({ sid: crypto.randomUUID() }))),
      run: (list) => atOnce(32, list, (token) => logout.receive(token)),
    }),
  checks: () =>
    rateOf({
      count: checks,
      prepare: () => Array.from({ length: checks }, session),
      run: async (list) => {
        for (const one of list) await logout.isLoggedOut(one)
      },
    }),
}

process.on('disconnect', () => process.exit())
process.on('message', async (what: keyof typeof rounds) => process.send!(await rounds[what]()))
process.send!('ready')
