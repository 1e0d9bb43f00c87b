import { createTestProvider, type TestProvider } from '@bcl/testing'
import { expect, test } from 'vitest'

const redirectUri = 'https://app.example.com/callback'

const authorize = (provider: TestProvider, parameters: Record<string, string>): Promise<Response> => {
  const query = new URLSearchParams({ client_id: 'test-client', redirect_uri: redirectUri, ...parameters })
  return provider.handle(new Request(`${provider.op.issuer}/authorize?${query}`))
}

const payloadOf = (token: string): Record<string, unknown> =>
  JSON.parse(atob(token.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/'))) as Record<string, unknown>

async function exchange(provider: TestProvider, fields: Record<string, string>, headers: Record<string, string> = {}) {
  const parameters = 'pkce' in fields ? { code_challenge: fields['pkce']! } : {}
  const answer = await authorize(provider, { response_type: 'code', ...parameters })
  const code = new URL(answer.headers.get('location')!).searchParams.get('code')!
  const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...fields })
  return provider.handle(new Request(`${provider.op.issuer}/token`, { method: 'POST', body, headers }))
}

test('with form_post, the page of the provider posts the ID Token', async () => {
  const provider = await createTestProvider()
  const answer = await authorize(provider, { response_type: 'id_token', response_mode: 'form_post', nonce: 'n' })
  const page = await answer.text()
  expect(page).toContain(`action="${redirectUri}"`)
  expect(payloadOf(/name="id_token" value="([^"]+)"/.exec(page)![1]!)).toMatchObject({ sub: 'alice', nonce: 'n' })
  expect(answer.headers.get('set-cookie')).toContain('bcl_test_provider=')
})

test('by default, the ID Token is in the fragment. With a code, it contains the hash of the code', async () => {
  const provider = await createTestProvider()
  const answer = await authorize(provider, { response_type: 'code id_token', state: 's' })
  const { hash, search } = new URL(answer.headers.get('location')!)
  const parameters = new URLSearchParams(hash.slice(1))
  expect(search).toBe('')
  expect(parameters.get('state')).toBe('s')
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(parameters.get('code')!))
  const half = Buffer.from(digest).subarray(0, 16).toString('base64url')
  expect(payloadOf(parameters.get('id_token')!)).toMatchObject({ c_hash: half })
})

test('another response type is an error', async () => {
  const answer = await authorize(await createTestProvider(), { response_type: 'token' })
  expect(answer.headers.get('location')).toContain('error=unsupported_response_type')
})

const client = { client_id: 'test-client' }
const assertion = `e30.${btoa(JSON.stringify({ sub: 'test-client' }))}.x`
const verifier = 'a-verifier'
const challenge = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))).toString(
  'base64url',
)

test.each<[string, Record<string, string>, Record<string, string>, number]>([
  ['client_secret_basic', {}, { authorization: `Basic ${btoa('test-client:test-secret')}` }, 200],
  ['client_secret_post', { ...client, client_secret: 'test-secret' }, {}, 200],
  ['an assertion', { client_assertion: assertion }, {}, 200],
  ['no secret, with PKCE', { ...client, pkce: challenge, code_verifier: verifier }, {}, 200],
  ['no secret, without PKCE', client, {}, 401],
  ['a wrong secret', { ...client, client_secret: 'wrong' }, {}, 401],
  ['an assertion of another client', { client_assertion: `e30.${btoa('{"sub":"other"}')}.x` }, {}, 401],
  ['a broken assertion', { client_assertion: 'x' }, {}, 401],
])('a client with %s', async (_, fields, headers, status) => {
  expect((await exchange(await createTestProvider(), fields, headers)).status).toBe(status)
})

test('signInNext chooses the session of the next browser', async () => {
  const provider = await createTestProvider()
  provider.signInNext({ sub: 'carol', sid: 's' })
  const subOf = async (): Promise<unknown> => {
    const page = await (await authorize(provider, { response_type: 'id_token', response_mode: 'form_post' })).text()
    return payloadOf(/name="id_token" value="([^"]+)"/.exec(page)![1]!)['sub']
  }
  expect(await subOf()).toBe('carol')
  expect(await subOf()).toBe('alice')
})
