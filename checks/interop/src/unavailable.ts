import { spawnSync } from 'node:child_process'

/** The provider cannot run on this machine. The message says why. */
export class UnavailableError extends Error {}

/** Throws an {@link UnavailableError} that names the commands that this machine does not have. */
export function requireCommands(...commands: string[]): void {
  const missing = commands.filter((command) => spawnSync('which', [command]).status !== 0)
  if (missing.length > 0) throw new UnavailableError(`there is no ${missing.join(', no ')} on this machine`)
}
