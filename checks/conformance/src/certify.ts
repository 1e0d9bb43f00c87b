import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { ConformanceResult } from '@bcl/testing'
import { createServerCertificate } from '../../../packages/cli/dist/provider/certificate.js'
import { startApplication } from '../../../packages/cli/test/start-application.ts'
import type { RelyingParty } from './peers.ts'

const bcl = new URL('../../../packages/cli/dist/main.js', import.meta.url).pathname
const httpsIssuer = 'https://localhost'

/** Starts a Relying Party and runs `bcl conformance` against it. */
export async function certify({
  name,
  folder,
  path = '/backchannel-logout',
  login = '/login',
  needsHttps = false,
}: RelyingParty): Promise<ConformanceResult[]> {
  const cache = await mkdtemp(join(tmpdir(), 'bcl-conformance-'))
  try {
    // `bcl` finds this CA in its cache folder. The application must trust the CA when it starts.
    const ca = needsHttps ? (await createServerCertificate(join(cache, 'bcl'), 'localhost')).caFile : undefined
    const application = await startApplication(folder, {
      ...(ca !== undefined && { issuer: httpsIssuer, env: { NODE_EXTRA_CA_CERTS: ca } }),
    })
    try {
      const { origin, providerPort } = application
      const provider = needsHttps ? ['--tls', '--port', '443', '--issuer', httpsIssuer] : ['--port', `${providerPort}`]
      const addresses = ['--login', `${origin}${login}`, '--me', `${origin}/me`]
      const args = [bcl, 'conformance', `${origin}${path}`, ...provider, ...addresses, '--json']
      const env = { ...process.env, XDG_CACHE_HOME: cache }
      const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
      const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
      if (out === '') throw new Error(`bcl conformance could not run against ${name}: ${err}`)
      return (JSON.parse(out) as { results: ConformanceResult[] }).results
    } finally {
      await application.stop()
    }
  } finally {
    await rm(cache, { recursive: true })
  }
}
