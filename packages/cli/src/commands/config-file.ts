import { readFile } from 'node:fs/promises'
import type { Command, Option } from 'commander'
import { CommandError } from '../terminal/command-error.js'

/** The name of the configuration file in the current folder. It contains an object with the options of each command. */
const configFile = 'bcl.config.json'

async function readConfig(): Promise<Record<string, unknown>> {
  const text = await readFile(configFile, 'utf8').catch(() => '{}')
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>
  } catch (error) {
    throw new CommandError(`${configFile} is not valid JSON (${(error as Error).message}).`, 'Correct the file.')
  }
}

/**
 * Parses a value as the command line does: with the parser of the option. Returns the value unchanged if the option has
 * no parser, or if the value is neither text nor a number.
 */
function parse(option: Option, value: unknown): unknown {
  const isText = typeof value === 'string' || typeof value === 'number'
  if (!option.parseArg || !isText) return value
  try {
    return option.parseArg(String(value), undefined as never)
  } catch (error) {
    throw new CommandError(`${configFile}: ${option.attributeName()} is wrong.`, (error as Error).message)
  }
}

/** Sets the options of a command from the configuration file. An option on the command line overrides the file. */
export async function applyConfig(command: Command): Promise<void> {
  const values = Object((await readConfig())[command.name()]) as Record<string, unknown>
  for (const [name, value] of Object.entries(values)) {
    const option = command.options.find((one) => one.attributeName() === name)
    if (!option && name !== 'url') {
      const names = command.options.map((one) => one.attributeName()).join(', ')
      throw new CommandError(`${configFile}: ${command.name()} has no option "${name}".`, `It has: url, ${names}.`)
    }
    const isGiven = command.getOptionValueSource(name) === 'cli'
    if (!isGiven) command.setOptionValueWithSource(name, option ? parse(option, value) : value, 'config')
  }
}
