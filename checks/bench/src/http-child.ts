// One server in a process of its own. It tells its port, and what processor time it has used whenever it is asked.
import { applications, type Trust } from './http-applications.ts'
import { greetings } from './greetings.ts'

const [name, trust] = process.argv.slice(2)
const start = applications[name!] ?? greetings[name!]
const port = await start!(JSON.parse(trust!) as Trust)
process.on('message', () => process.send!(process.cpuUsage()))
process.send!(port)
process.on('disconnect', () => process.exit())
