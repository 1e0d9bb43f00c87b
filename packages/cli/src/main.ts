#!/usr/bin/env node
import { CommanderError } from 'commander'
import { createOutput } from './terminal/output.js'
import { Problem } from './terminal/problem.js'
import { createProgram } from './program.js'

/** Nothing can be said; 1 says that something was looked at, and is wrong. */
const failure = 2

const output = createOutput()
const { notes } = output

function report(error: unknown): void {
  process.exitCode = failure
  // What commander has already said, help among it.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) process.exitCode = 0
  } else if (error instanceof Problem) {
    notes.write(`${notes.style('red', error.message)}\n${error.remedy}`)
  } else {
    notes.write(`${notes.style('red', 'bcl itself failed.')}\nPlease report it, with what follows.\n`)
    notes.write(String((error as Error).stack ?? error))
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read it has seen enough.
  if (error.code !== 'EPIPE') report(error)
  process.exit(failure)
})

await createProgram(output, (code) => (process.exitCode = code))
  .parseAsync()
  .catch(report)
