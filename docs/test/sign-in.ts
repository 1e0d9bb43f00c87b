import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

import { headerOf, postLogout, signIn, statusOfMe, visit, type Application } from './application.ts'

/** Tests that a link of another site to `/login` or `/callback` does not end the session of the browser. */
export async function keepsSession(application: Application): Promise<void> {
  const cookies = await signIn(application)
  for (const path of ['/login', '/callback?code=x&state=x']) {
    await visit(application, cookies, application.base + path)
    assert.equal(await statusOfMe(application, headerOf(cookies)), 200, path)
  }
}

/**
 * Tests that a sign-in works although another tab, whose session has ended, sends a request meanwhile, and although another site
 * opens `/callback` meanwhile.
 */
export async function signsInBesideAnotherTab(
  application: Application,
  paths = ['/me', '/callback?code=x&state=x'],
): Promise<void> {
  const { base, provider } = application
  const cookies = await signIn(application)
  assert.equal(await postLogout(application, { sub: 'alice', sid: undefined }), 200)
  provider.signInNext({ sub: 'bob', sid: 'another' })
  let url = await visit(application, cookies, `${base}/login`)
  for (const path of paths) await visit(application, cookies, base + path)
  while (url !== null && url !== `${base}/me`) url = await visit(application, cookies, url)
  assert.equal(await statusOfMe(application, headerOf(cookies)), 200)
}

/** Tests that a sign-in that the user cancels at the provider is answered with 400, and that the next sign-in works. */
export async function refusesCancelledSignIn(application: Application, reason = 'access_denied'): Promise<void> {
  const { base, output } = application
  const cookies = new Map<string, string>()
  const location = await visit(application, cookies, `${base}/login`)
  const answer = new URLSearchParams({ error: 'access_denied', iss: application.issuer })
  const state = new URL(location!).searchParams.get('state') // Passport's strategy uses PKCE only
  if (state !== null) answer.set('state', state)
  const callback = `${base}/callback?${answer}`
  const response = await fetch(callback, { headers: { cookie: headerOf(cookies) }, redirect: 'manual' })
  assert.equal(response.status, 400)
  assert.match(await response.text(), /The sign-in failed\. To try again, open \/login\./)
  assert.match(output(), new RegExp(`^sign-in: [^]*${reason}`, 'm'))
  await signIn(application, cookies)
  assert.equal(await statusOfMe(application, headerOf(cookies)), 200)
}

/** Tests that wrong answers to a sign-in are answered with 400, and that the browser gets no stack. */
export async function refusesWrongAnswers(application: Application): Promise<void> {
  const { base } = application
  const { host, port } = new URL(base)
  // A request line can have an absolute URL, with a host that the browser chooses.
  for (const origin of ['', base, 'http://other.example'])
    for (const query of ['code=x', 'error=x', 'code=a&code=b&state=x&state=y']) {
      const cookies = new Map<string, string>()
      await visit(application, cookies, `${base}/login`)
      const socket = connect(Number(port), '127.0.0.1')
      socket.write(`GET ${origin}/callback?${query} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`)
      socket.write(`Cookie: ${headerOf(cookies)}\r\n\r\n`)
      const answer = await text(socket)
      assert.match(
        answer,
        /^HTTP\/1\.1 400 [^]*The sign-in failed\. To try again, open \/login\./,
        `${origin} ${query}`,
      )
      assert.doesNotMatch(answer, /node_modules/)
    }
}

/**
 * Tests that a user can sign in again after a logout, for ID Tokens of many lengths. If an old session fills its cookie, the
 * cookie has no space for the data of the new sign-in.
 */
export async function signsInAgain(application: Application): Promise<void> {
  const { provider } = application
  let tried = 0
  for (let length = 700; length < 1000; length += 20) {
    const user = { sub: 'u'.repeat(length), sid: String(length) }
    provider.signInNext(user)
    const cookies = await signIn(application)
    // A longer ID Token may not fit into the cookie.
    if ([...cookies.values()].every((value) => value === '') || headerOf(cookies).length > 3950) break
    assert.equal(await statusOfMe(application, headerOf(cookies)), 200)
    tried += 1
    assert.equal(await postLogout(application, user), 200)
    let status = await statusOfMe(application, headerOf(cookies))
    assert.equal(status, 401)
    // The length of an encrypted cookie also depends on chance. So the second cookie may not fit although the first did.
    for (let signIns = 0; status !== 200 && signIns < 5; signIns += 1) {
      provider.signInNext({ ...user, sid: `${length}${signIns}` })
      await signIn(application, cookies)
      status = await statusOfMe(application, headerOf(cookies))
    }
    assert.equal(status, 200, `an ID Token with a sub of ${length} characters`)
  }
  assert.ok(tried > 0)
}
