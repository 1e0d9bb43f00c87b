import { conformanceCases, providerProfiles } from '@bcl/testing'
import { expect, test } from 'vitest'

test('each profile that is signed with RS256 and accepted by default is a case, except one duplicate', () => {
  const ids = conformanceCases.filter(({ group }) => group === 'provider').map(({ id }) => id)
  const sent = providerProfiles.filter(({ header, byDefault }) => header.alg === 'RS256' && byDefault === 'accepted')
  expect(ids).toEqual(sent.map(({ id }) => `provider/${id}`).filter((id) => id !== 'provider/wso2-is-suborg'))
  expect(ids.length).toBeLessThan(providerProfiles.length)
})
