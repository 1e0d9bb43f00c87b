// Runs the cases and prints the report. For runtimes with a command line: Node, Bun and Deno.
import { runCases } from './cases/cases.ts'

console.log(JSON.stringify(await runCases()))
