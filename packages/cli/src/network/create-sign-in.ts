import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Milliseconds. */
const timeout = 30_000

/**
 * Returns a function that signs in with a command. The command runs without a shell. Its last argument is the sign-in address. The
 * command must print the cookies of the application, each as `name=value` on its own line.
 */
export const createSignIn =
  ([file = '', ...args]: readonly string[]) =>
  async (login: string): Promise<string[]> => {
    const { stdout } = await run(file, [...args, login], { timeout, killSignal: 'SIGKILL' }).catch(
      (error: Error & { killed?: boolean; stderr?: string }) => {
        const reason = error.killed ? 'it took longer than 30 s' : error.stderr?.trim() || error.message
        throw new Error(`the command "${[file, ...args].join(' ')}" failed: ${reason.slice(0, 400)}`, { cause: error })
      },
    )
    const lines = stdout.split(/\r?\n/).filter((line) => line.trim() !== '')
    const wrong = lines.find((line) => !/^[^=;\s]+=[^;\s]*$/.test(line))
    if (wrong !== undefined) throw new Error(`the command printed "${wrong.slice(0, 80)}", which is not name=value`)
    return lines
  }
