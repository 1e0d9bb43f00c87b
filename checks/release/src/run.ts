import { execFile } from 'node:child_process'

export interface Options {
  cwd: string
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

/**
 * Runs a command until it ends, and returns its output. The error of a failed command contains the command and the end of its
 * output.
 */
export function run([command, ...args]: readonly string[], options: Options): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = { ...options, timeout: 600_000, maxBuffer: 2 ** 26 }
    const child = execFile(command!, args, settings, (error, stdout, stderr) => {
      const settle = (): void => {
        if (error === null) return resolve(stdout)
        const last = `${stdout}\n${stderr}`.trim().split('\n').slice(-60).join('\n')
        const what = `\`${[command, ...args].join(' ')}\` in ${options.cwd}`
        return reject(new Error(`${what}: ${error.code ?? error.signal}\n${last}`))
      }
      // If the command was interrupted, it has got a signal, but may still be running.
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) settle()
      else child.once('exit', settle)
    })
  })
}
