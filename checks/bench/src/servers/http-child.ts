// Runs one server in its own process. Reports its port, and how often it has read its store. Checks all sessions on request.
import { applications, type Trust } from './http-applications.ts'

const [name, trust] = process.argv.slice(2)
// Imports the pages only if they are needed, because they import all database drivers, and this takes long.
const start = applications[name!] ?? (await import('./pages.ts')).pages[name!]
const { port, reads, warm, close } = await start!(JSON.parse(trust!) as Trust)
process.on('message', async (question) => {
  if (question === 'warm') await warm?.()
  if (question === 'reads' || question === 'warm') process.send!(reads?.() ?? 0)
})
process.on('disconnect', async () => {
  await close?.()
  process.exit()
})
process.send!(port)
