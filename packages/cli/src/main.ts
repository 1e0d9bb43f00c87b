#!/usr/bin/env node
import { CommanderError } from 'commander'
import { createProgram } from './program.js'
import { CommandError } from './terminal/command-error.js'
import { createOutput } from './terminal/output.js'

/** The exit code if a command could not run. Exit code 1 means that the command found a fault. */
const couldNotRun = 2

const output = createOutput()
const { notes } = output

function report(error: unknown): void {
  process.exitCode = couldNotRun
  // commander has already printed this error. It also throws after it has printed the help. Then the exit code is 0.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) process.exitCode = 0
  } else if (error instanceof CommandError) {
    notes.write(`${notes.style('red', error.message)}\n${error.remedy}`)
  } else {
    notes.write(`${notes.style('red', 'This is a bug of bcl.')}\nPlease report it, with the following text.\n`)
    notes.write(String((error as Error).stack ?? error))
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // EPIPE means that the reader of the output closed the pipe, as `head` does. This is not an error.
  if (error.code !== 'EPIPE') report(error)
  process.exit(couldNotRun)
})

await createProgram(output, (code) => (process.exitCode = code))
  .parseAsync()
  .catch(report)
