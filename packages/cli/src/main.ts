#!/usr/bin/env node
import { CommanderError } from 'commander'
import { createOutput } from './output.js'
import { Problem } from './problem.js'
import { createProgram } from './program.js'

/** Nothing was looked at; 1 says that something was, and is wrong. */
const usageError = 2

const output = createOutput()
try {
  await createProgram(output, (code) => (process.exitCode = code)).parseAsync()
} catch (error) {
  // What commander has already said, help among it.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : usageError
  else if (error instanceof Problem) {
    output.note(`${output.style('red', error.message)}\n${error.remedy}`)
    process.exitCode = usageError
  } else throw error
}
