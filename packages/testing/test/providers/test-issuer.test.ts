import { createTestIssuer } from '@bcl/testing'
import { expect, test } from 'vitest'

test('createTestIssuer serves discovery and keys, and records the requests', async () => {
  const op = await createTestIssuer({ issuer: 'https://op.example.com/path/' })
  const { issuer, jwks_uri: uri } = (await (
    await op.fetch('https://op.example.com/path/.well-known/openid-configuration')
  ).json()) as Record<string, string>
  expect([issuer, uri]).toEqual(['https://op.example.com/path/', 'https://op.example.com/path/jwks'])
  expect(await (await op.fetch(new URL(uri!))).json()).toEqual(op.jwks)
  expect((await op.fetch(new Request('https://op.example.com/'))).status).toBe(404)
  expect(op.requests.length).toBe(3)
  await op.rotate({ keepOld: false })
  expect(op.jwks.keys.map(({ kid }) => kid)).toEqual([op.key.kid])
})
