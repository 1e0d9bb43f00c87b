import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createDevice } from '../src/device.ts'
import { callbackPath } from '../src/example-process.ts'
import { type Stack, type StackApp, startStack } from '../src/stack.ts'

describe.each(['hono', 'koa', 'nestjs', 'express', 'fastify', 'nextjs'])('the log of %s', (example) => {
  let stack: Stack
  let app: StackApp
  let other: StackApp
  let wrongSecret: StackApp

  beforeAll(async () => {
    stack = await startStack([
      { example },
      { example, clientId: 'other' },
      { example, clientId: 'wrong-secret', env: { CLIENT_SECRET: 'not-the-secret' } },
    ])
    ;[app, other, wrongSecret] = stack.apps as [StackApp, StackApp, StackApp]
  })

  afterAll(() => stack?.stop())

  /** Returns the lines that the application prints during `work`. */
  async function printedBy({ output }: StackApp, work: () => Promise<unknown>): Promise<string[]> {
    const before = output().length
    await work()
    await expect.poll(() => output().slice(before)).toMatch(/\n$/)
    return output().slice(before).trimEnd().split('\n')
  }

  const post = (at: StackApp, body: Record<string, string>) =>
    fetch(`${at.url}/backchannel-logout`, { method: 'POST', body: new URLSearchParams(body) })

  it('has one line with the outcome for each logout', async () => {
    const device = createDevice('laptop')
    await device.signIn(app, 'alice')
    const lines = await printedBy(app, () => stack.provider.endSessionsOf('alice'))
    expect(lines.filter((line) => line.startsWith('Logout: '))).toEqual(['Logout: logged_out'])
  })

  it('says why a token was refused, and contains neither the token nor the user', async () => {
    await createDevice('laptop').signIn(app, 'carol')
    const [delivery] = await stack.provider.endSessionsOf('carol')
    const { logout_token: token } = delivery!
    const { sid, jti } = decodeJwt(token)

    const lines = await printedBy(other, () => post(other, { logout_token: token }))
    expect(lines).toEqual(['Logout: refused, ERR_LOGOUT_TOKEN_CLAIM, claim aud, expected other'])

    const forged = await printedBy(app, () => post(app, { logout_token: `${token.slice(0, -8)}AAAAAAAA` }))
    expect(forged).toEqual(['Logout: refused, ERR_LOGOUT_TOKEN_SIGNATURE'])
    expect(await printedBy(app, () => post(app, {}))).toEqual(['Logout: refused, ERR_LOGOUT_REQUEST_INVALID'])

    for (const secret of [token, 'carol', sid, jti]) expect(other.output()).not.toContain(secret)
  })

  it.each([
    ['access_denied', 'access_denied'],
    ['no+code\nLogout: logged_out', undefined],
  ])('has the OAuth error code of a sign-in that the provider refused: %j', async (error, logged) => {
    const { browser } = createDevice('laptop')
    const login = await browser.fetch(`${app.url}/login`)
    const callback = new URL(app.url + callbackPath(example))
    callback.searchParams.set('iss', stack.provider.url)
    callback.searchParams.set('error', error)
    callback.searchParams.set('state', new URL(login.headers.get('location')!).searchParams.get('state')!)

    const lines = await printedBy(app, () => browser.get(callback.href))

    expect(lines).toEqual([expect.stringMatching(/^Sign-in refused: /)])
    expect(lines[0]!.startsWith(`Sign-in refused: ${error}: `)).toBe(logged !== undefined)
  })

  it('has the OAuth error code if the provider refused the client secret', async () => {
    const { browser } = createDevice('laptop')
    const lines = await printedBy(wrongSecret, () => browser.get(`${wrongSecret.url}/login?login_hint=alice`))
    expect(lines).toEqual([expect.stringMatching(/^Sign-in refused: invalid_client: /)])
  })
})
