import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'vitest'

/** Tells whether a server accepts a connection within a second. */
export async function isReachable(url: string, defaultPort: number): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port || defaultPort), timeout: 1000 })
  socket.on('timeout', () => socket.destroy(new Error('nobody answers')))
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/**
 * A suite that needs a service. If the service is missing, the suite is skipped and the reason is shown. In CI, the suite fails.
 *
 * @param missing The reason why the suite cannot run, or `undefined` if it can run.
 */
export function describeUnless(missing: string | undefined, name: string, suite: () => void): void {
  if (missing === undefined) describe(name, suite)
  else if (process.env.CI !== 'true') describe.skip(`${name}: skipped, ${missing}`, suite)
  else
    test(name, () => {
      throw new Error(missing)
    })
}
