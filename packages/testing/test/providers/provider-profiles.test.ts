import { createBackchannelLogout, MemoryStore, type LogoutDelivery, type TrustedIssuer } from '@bcl/core'
import { profileToken, providerProfiles, type ProviderProfile } from '@bcl/testing'
import { describe, expect, test } from 'vitest'

const time = 1_800_000_000

/** Sends a token to a receiver that trusts `issuer`, as the provider of the profile does. */
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
const someSession = { sub: 'somebody', iat: time - 60 }
const sessionOf = ({ payload: { iss, sub, sid } }: ProviderProfile) => ({
  ...someSession,
  iss,
  ...(typeof sub === 'string' && { sub }),
  ...(typeof sid === 'string' && { sid }),
})

describe('with only the issuer, the client and the keys configured', () => {
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

describe('with the settings of the profile', () => {
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

  test('no setting accepts the token of WSO2 Identity Server 5.9', () => {
    const unacceptable = providerProfiles.filter(({ settings }) => settings === undefined)
    expect(unacceptable.map(({ id }) => id)).toEqual(['wso2-is-5.9-captured-event-bug'])
  })

  test('a profile that is refused by default has at least one setting', () => {
    for (const { byDefault, settings } of acceptable) {
      if (byDefault !== 'accepted') expect(Object.keys(settings!)).not.toEqual([])
    }
  })

  test('RP-16: a token without encryption is refused if encryption is required', async () => {
    const { encryption: _, ...plain } = profileOf('node-oidc-provider-jwe')
    const { token, trusted } = await profileToken(plain, time)
    expect(token.split('.')).toHaveLength(3)
    const decryption = (await profileToken(profileOf('node-oidc-provider-jwe'), time)).trusted.decryption
    const { deliveries } = await send(token, { ...trusted, decryption }, plain)
    expect(deliveries[0]).toMatchObject({ outcome: 'refused', code: 'ERR_LOGOUT_TOKEN_INVALID' })
  })
})

test('RP-24: django-oauth-toolkit reuses a jti, and both logouts take effect', async () => {
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

test('RP-18: Rauthy sends sub null, and only the session with the sid ends', async () => {
  const profile = profileOf('rauthy-sid')
  expect(profile.payload['sub']).toBeNull()
  const { token, trusted } = await profileToken(profile, time)
  const { logout } = await send(token, trusted, profile)
  const { issuer: iss } = trusted
  expect(await logout.isLoggedOut({ ...someSession, iss, sid: String(profile.payload['sid']) })).toBe(true)
  expect(await logout.isLoggedOut({ ...someSession, iss })).toBe(false)
  expect(await logout.isLoggedOut({ ...someSession, iss, sub: 'null' })).toBe(false)
})

test('T-14: ZITADEL dates a logout one second early, and iatSkew corrects it', async () => {
  const profile = profileOf('zitadel')
  const { token, trusted } = await profileToken(profile, time)
  const session = { ...sessionOf(profile), iat: time }
  const { iatSkew: _, ...withoutSkew } = trusted
  expect(await (await send(token, trusted, profile)).logout.isLoggedOut(session)).toBe(true)
  expect(await (await send(token, withoutSkew, profile)).logout.isLoggedOut(session)).toBe(false)
})

test('T-8: the WSO2 settings require a sid, and any thumbprint in the header is accepted', async () => {
  const profile = profileOf('wso2-is-default')
  const { sid: _, ...payload } = profile.payload
  const { token, trusted } = await profileToken({ ...profile, payload } as ProviderProfile, time)
  const { deliveries } = await send(token, trusted, profile)
  expect(deliveries[0]!.error).toMatchObject({ code: 'ERR_LOGOUT_TOKEN_CLAIM', claim: 'sid' })
  const otherThumbprint = { ...profile, header: { ...profile.header, 'x5t#S256': 'bm90IGEgdGh1bWJwcmludA' } }
  expect((await send((await profileToken(otherThumbprint, time)).token, trusted, otherThumbprint)).status).toBe(200)
})

test('each profile has a unique id', () => {
  expect(new Set(providerProfiles.map(({ id }) => id)).size).toBe(providerProfiles.length)
})
