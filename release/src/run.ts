import { execFile } from 'node:child_process'

export interface Options {
  cwd: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

/** Runs a command to its end and gives what it printed; a failure says what was run and what it printed last. */
export function run([command, ...args]: readonly string[], options: Options): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command!, args, { ...options, timeout: 600_000, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const last = `${stdout}\n${stderr}`.trim().split('\n').slice(-60).join('\n')
      return reject(
        new Error(`\`${[command, ...args].join(' ')}\` in ${options.cwd}: ${error.code ?? error.signal}\n${last}`),
      )
    })
  })
}
