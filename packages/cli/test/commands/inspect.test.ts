import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestIssuer } from '@bcl/testing'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bcl } from '../bcl.ts'
import { serve } from '../serve.ts'

const op = await createTestIssuer()

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bcl-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('reads a form from standard input', async () => {
  const { code, out } = await bcl(['inspect'], `logout_token=${await op.logoutToken()}\n`)
  expect(out).toContain(
    'The token ends the session "session-1". It also ends sessions of "alice" that the application stored without a sid.',
  )
  expect(out).toMatch(/exp {6}\d+ {2}\d{4}-.*Z, in \d+ s/)
  expect(code).toBe(0)
})

test('reads a form with other fields', async () => {
  const form = new URLSearchParams({ logout_token: `${await op.logoutToken()}`, other: 'x' })
  const { code, out } = await bcl(['inspect', String(form).replaceAll('.', '%2E')])
  expect(out).toContain('✓ The header and the claims have no fault.')
  expect(code).toBe(0)
})

test('says that a signature could not be checked', async () => {
  const file = join(folder, 'jwks.json')
  await writeFile(file, JSON.stringify(op.jwks))
  const { code, out } = await bcl(['inspect', '--keys', file], await op.logoutToken({ aud: undefined }))
  expect(out).toContain('The signature was not checked: the token has a fault that is checked first.')
  expect(code).toBe(1)
})

test('escapes control characters for the terminal', async () => {
  const { out } = await bcl(['inspect', await op.logoutToken({ sub: '\u001b[31m\u009b31m\u202e', '\u009bx': 1 })])
  expect(out).toContain(String.raw`"\u001b[31m\u009b31m\u202e"`)
  // oxlint-disable-next-line no-control-regex -- the output must not contain these characters
  expect(out).not.toMatch(/[\u001b\u0080-\u009f\u202e]/)
})

test('shows the faults and the settings to configure', async () => {
  const { code, out } = await bcl(['inspect', await op.logoutToken({ exp: undefined, sid: undefined })])
  expect(out).toContain('The token ends all sessions of "alice".')
  expect(out).toMatch(/✗ There is no "exp"\.\n.*\n {2}Accepted with: requireExp: false/)
  expect(out).toContain('Configure: { requireExp: false }')
  expect(code).toBe(1)
})

test('checks the signature with the keys in a file', async () => {
  const file = join(folder, 'jwks.json')
  await writeFile(file, JSON.stringify(op.jwks))
  const { out } = await bcl(['inspect', '--keys', file], await op.logoutToken())
  expect(out).toContain('The signature is good.')
})

test('checks the signature with the discovered keys of an issuer', async () => {
  const url = await serve(async (request, response) => {
    const answer = await issuer.fetch(`${issuer.issuer}${request.url}`)
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text())
  })
  const issuer = await createTestIssuer({ issuer: url })
  const { code, out } = await bcl(['inspect', '--issuer', url, '--json'], await issuer.logoutToken())
  expect(JSON.parse(out)).toMatchObject({ signature: 'good', findings: [] })
  expect(code).toBe(0)
  const forged = await createTestIssuer({ issuer: url })
  expect(JSON.parse((await bcl(['inspect', '--issuer', url, '--json'], await forged.logoutToken())).out)).toMatchObject(
    {
      signature: 'bad',
    },
  )
})
