import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { get } from 'node:https'
import { text } from 'node:stream/consumers'
import type { IncomingMessage } from 'node:http'
import { expect, onTestFinished, test } from 'vitest'
import { start } from '../bcl.ts'
import { freePorts } from '../start-application.ts'

test('--tls serves https with a certificate of a CA that is printed', { timeout: 60_000 }, async () => {
  const [port] = (await freePorts(1)) as [number]
  const child = start(['provider', 'http://127.0.0.1:9/logout', '--port', String(port), '--tls'])
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await once(child, 'close')
  })
  const [output] = (await once(child.stdout, 'data')) as [Buffer]
  expect(String(output)).toContain(`ISSUER=https://127.0.0.1:${port}\n`)
  const caFile = /NODE_EXTRA_CA_CERTS=(\S+)/.exec(String(output))![1]!
  const fetchMetadata = async (ca: string | undefined): Promise<string> => {
    const url = `https://127.0.0.1:${port}/.well-known/openid-configuration`
    const [response] = (await once(get(url, { ca, agent: false }), 'response')) as [IncomingMessage]
    return text(response)
  }
  expect(JSON.parse(await fetchMetadata(await readFile(caFile, 'utf8')))).toMatchObject({
    issuer: `https://127.0.0.1:${port}`,
  })
  await expect(fetchMetadata(undefined)).rejects.toThrow(/certificate/)
})
