import assert from 'node:assert/strict'

import { newDevice, statusOfMe, type Application } from './application.ts'

/** Tests the two buttons of the application: sign out, and sign out everywhere. */
export async function signsOut(application: Application): Promise<void> {
  const { base, issuer } = application
  /** Posts a form. It does not follow the redirect to the provider, so the provider sends no Logout Token. */
  const post = (path: string, cookie: string, headers: object = { origin: base }) =>
    fetch(base + path, {
      method: 'POST',
      headers: { cookie, ...headers },
      body: new URLSearchParams(),
      redirect: 'manual',
    })
  const statusOf = (...cookies: string[]) => Promise.all(cookies.map((cookie) => statusOfMe(application, cookie)))
  const [laptop, phone, tablet] = [
    await newDevice(application),
    await newDevice(application),
    await newDevice(application),
  ]
  assert.deepEqual(await statusOf(laptop, phone, tablet), [200, 200, 200])

  const page = await (await fetch(`${base}/`, { headers: { cookie: laptop } })).text()
  const forms = page.match(/<form [^>]*>/g) ?? []
  for (const path of ['/logout', '/logout-everywhere']) {
    assert.ok(forms.some((form) => form.includes(`action="${path}"`) && form.includes('method="post"')))
    assert.equal((await post(path, laptop, { origin: 'https://elsewhere.example' })).status, 403)
    for (const site of ['cross-site', 'same-site', 'none'])
      assert.equal((await post(path, laptop, { origin: 'null', 'sec-fetch-site': site })).status, 403)
  }
  assert.deepEqual(await statusOf(laptop, phone, tablet), [200, 200, 200], 'a form of another site signed the user out')

  const goesToProvider = (response: Response) => {
    assert.equal(response.status, 303)
    const url = new URL(response.headers.get('location')!)
    assert.equal(url.origin + url.pathname, `${issuer}/end_session`)
    assert.equal(url.searchParams.get('post_logout_redirect_uri'), `${base}/`)
    assert.match(url.searchParams.get('id_token_hint')!, /^eyJ/)
  }
  goesToProvider(await post('/logout', laptop))
  assert.deepEqual(await statusOf(laptop, phone, tablet), [401, 200, 200], 'sign out')

  assert.equal((await post('/logout-everywhere', laptop)).status, 401)
  assert.equal((await post('/logout-everywhere', '')).status, 401)
  assert.deepEqual(await statusOf(phone, tablet), [200, 200], 'the cookie of an ended session ended other sessions')

  // The browser sends these headers if the page has `Referrer-Policy: no-referrer`. The middleware helmet sets this policy.
  goesToProvider(await post('/logout-everywhere', phone, { origin: 'null', 'sec-fetch-site': 'same-origin' }))
  assert.deepEqual(await statusOf(laptop, phone, tablet), [401, 401, 401], 'sign out everywhere')
}

/** Tests that "sign out everywhere" ends all sessions, even if the provider fails at this moment. */
export async function signsOutWithoutProvider(application: Application): Promise<void> {
  const { base, provider } = application
  const [laptop, phone] = [await newDevice(application), await newDevice(application)]
  const statusOf = (...cookies: string[]) => Promise.all(cookies.map((cookie) => statusOfMe(application, cookie)))
  assert.deepEqual(await statusOf(laptop, phone), [200, 200])
  provider.handle = async () => new Response(null, { status: 503 })
  const headers = { cookie: laptop, origin: base }
  const response = await fetch(`${base}/logout-everywhere`, { method: 'POST', headers, redirect: 'manual' })
  assert.equal(response.status, 303)
  assert.deepEqual(await statusOf(laptop, phone), [401, 401])
}
