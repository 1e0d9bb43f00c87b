import { createBackchannelLogout, MemoryStore, type LogoutDelivery, type TrustedIssuer } from '@bcl/core'
import { profileToken, providerProfiles, type ProviderProfile } from '@bcl/testing'
import { describe, expect, test } from 'vitest'

const time = 1_800_000_000

/** Sends a token as the provider does, to an endpoint that trusts `issuer`; gives the status and the record of it. */
async function send(token: string, issuer: TrustedIssuer, { http }: ProviderProfile, now = () => time) {
  const deliveries: LogoutDelivery[] = []
  const logout = createBackchannelLogout({
    issuers: [issuer],
    sessionMaxAge: 3600,
    store: new MemoryStore({ now }),
    now,
    onDelivery: (delivery) => deliveries.push(delivery),
  })
  const post = async (jwt: string): Promise<number> => {
    const headers = { 'content-type': http.contentType, ...(http.userAgent && { 'user-agent': http.userAgent }) }
    const body = `logout_token=${jwt}`
    const response = await logout.handle(new Request('https://app.example/logout', { method: 'POST', headers, body }))
    return response.status
  }
  return { logout, post, deliveries, status: await post(token) }
}

const profileOf = (id: string): ProviderProfile => providerProfiles.find((profile) => profile.id === id)!
const asked = { sub: 'somebody', iat: time - 60 }
const sessionOf = ({ payload: { iss, sub, sid } }: ProviderProfile) => ({
  ...asked,
  iss,
  ...(typeof sub === 'string' && { sub }),
  ...(typeof sid === 'string' && { sid }),
})

describe('with nothing but issuer, client and keys', () => {
  test.each(providerProfiles.map((profile) => [profile.id, profile] as const))('%s', async (_, profile) => {
    const { token, trusted } = await profileToken(profile, time)
    const { issuer, clientId, keys } = trusted
    const { status, deliveries } = await send(token, { issuer, clientId, keys }, profile)
    if (profile.byDefault === 'accepted') {
      expect({ status, ...deliveries[0] }).toMatchObject({ status: 200, outcome: 'logged_out' })
    } else {
      const { code, claim } = profile.byDefault
      expect({ status, ...deliveries[0] }).toMatchObject({ status: 400, outcome: 'refused', code })
      expect(deliveries[0]!.error).toEqual(expect.objectContaining({ ...(claim && { claim }) }))
    }
  })
})

describe('with the settings it needs', () => {
  const acceptable = providerProfiles.filter(({ settings }) => settings !== undefined)

  test.each(acceptable.map((profile) => [profile.id, profile] as const))('%s ends the session', async (_, profile) => {
    const { token, trusted } = await profileToken(profile, time)
    const { status, logout } = await send(token, trusted, profile)
    expect(status).toBe(200)
    expect(await logout.isLoggedOut(sessionOf(profile))).toBe(true)
    expect(await logout.isLoggedOut({ iss: trusted.issuer, sub: 'another', sid: 'another', iat: time - 60 })).toBe(
      false,
    )
  })

  test('nothing makes the token of WSO2 Identity Server 5.9 acceptable', () => {
    const hopeless = providerProfiles.filter(({ settings }) => settings === undefined)
    expect(hopeless.map(({ id }) => id)).toEqual(['wso2-is-5.9-captured-event-bug'])
  })

  test('one that is refused by default needs a setting, and names it', () => {
    for (const { byDefault, settings } of acceptable) {
      if (byDefault !== 'accepted') expect(Object.keys(settings!)).not.toEqual([])
    }
  })

  test('RP-16: where encryption is required, the signed token alone is refused', async () => {
    const { encryption: _, ...plain } = profileOf('node-oidc-provider-jwe')
    const { token, trusted } = await profileToken(plain, time)
    expect(token.split('.')).toHaveLength(3)
    const decryption = (await profileToken(profileOf('node-oidc-provider-jwe'), time)).trusted.decryption
    const { deliveries } = await send(token, { ...trusted, decryption }, plain)
    expect(deliveries[0]).toMatchObject({ outcome: 'refused', code: 'ERR_LOGOUT_TOKEN_INVALID' })
  })
})

test('RP-24: django-oauth-toolkit uses a jti again, and both logouts are carried out', async () => {
  const profile = profileOf('django-oauth-toolkit')
  const first = await profileToken(profile, time)
  const { post, logout, deliveries } = await send(first.token, first.trusted, profile, () => time + 30)
  const later = { iss: first.trusted.issuer, sub: '1', iat: time + 20 }
  expect(await logout.isLoggedOut(later)).toBe(false)

  expect(await post((await profileToken(profile, time + 30)).token)).toBe(200)
  expect(await logout.isLoggedOut(later)).toBe(true)
  expect(await post(first.token)).toBe(200)

  expect(deliveries.map(({ outcome }) => outcome)).toEqual(['logged_out', 'logged_out', 'replayed'])
})

test('RP-18: Rauthy sends sub null, which ends the one session', async () => {
  const profile = profileOf('rauthy-sid')
  expect(profile.payload['sub']).toBeNull()
  const { token, trusted } = await profileToken(profile, time)
  const { logout } = await send(token, trusted, profile)
  const { issuer: iss } = trusted
  expect(await logout.isLoggedOut({ ...asked, iss, sid: String(profile.payload['sid']) })).toBe(true)
  expect(await logout.isLoggedOut({ ...asked, iss })).toBe(false)
  expect(await logout.isLoggedOut({ ...asked, iss, sub: 'null' })).toBe(false)
})

test('T-14: ZITADEL dates a logout a second early, and iatSkew makes up for it', async () => {
  const profile = profileOf('zitadel')
  const { token, trusted } = await profileToken(profile, time)
  const session = { ...sessionOf(profile), iat: time }
  const { iatSkew: _, ...untuned } = trusted
  expect(await (await send(token, trusted, profile)).logout.isLoggedOut(session)).toBe(true)
  expect(await (await send(token, untuned, profile)).logout.isLoggedOut(session)).toBe(false)
})

test('T-8: a sid of WSO2 is required, and its thumbprint is not looked at', async () => {
  const profile = profileOf('wso2-is-default')
  const { sid: _, ...payload } = profile.payload
  const { token, trusted } = await profileToken({ ...profile, payload } as ProviderProfile, time)
  const { deliveries } = await send(token, trusted, profile)
  expect(deliveries[0]!.error).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'sid' })
  const odd = { ...profile, header: { ...profile.header, 'x5t#S256': 'bm90IGEgdGh1bWJwcmludA' } }
  expect((await send((await profileToken(odd, time)).token, trusted, odd)).status).toBe(200)
})

test('ids are unique', () => {
  expect(new Set(providerProfiles.map(({ id }) => id)).size).toBe(providerProfiles.length)
})
