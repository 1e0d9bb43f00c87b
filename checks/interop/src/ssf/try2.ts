import { manage } from './keycloak-transmitter.ts'
import { runPush, runPoll } from './run.ts'
process.setMaxListeners(0)
const keycloak = { ...(await manage(process.argv[2]!)), stop: async () => {} }
const r = await (process.argv[3] === 'poll' ? runPoll : runPush)(keycloak)
console.log(JSON.stringify(r, null, 1))
