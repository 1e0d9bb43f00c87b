#!/usr/bin/env node
import { CommanderError } from 'commander'
import { createProgram } from './program.js'
import { CommandError } from './terminal/command-error.js'
import { createOutput } from './terminal/output.js'

/** The exit code if a command could not do its work. Exit code 1 means that the command has found a fault. */
const couldNotRun = 2

const output = createOutput()
const { notes } = output

function report(error: unknown): void {
  process.exitCode = couldNotRun
  // commander has already written its own errors, and also the help, which it throws with exit code 0.
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) process.exitCode = 0
  } else if (error instanceof CommandError) {
    notes.write(`${notes.style('red', error.message)}\n${error.remedy}`)
  } else {
    notes.write(`${notes.style('red', 'bcl has a bug.')}\nPlease report it, with the following text.\n`)
    notes.write(String((error as Error).stack ?? error))
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // EPIPE: the reader of the output has closed the pipe, for example `head`. This is no error.
  if (error.code !== 'EPIPE') report(error)
  process.exit(couldNotRun)
})

await createProgram(output, (code) => (process.exitCode = code))
  .parseAsync()
  .catch(report)
