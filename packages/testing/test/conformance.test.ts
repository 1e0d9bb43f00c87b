import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import { conformanceCases, createTestProvider, runConformance, sumUp } from '@bcl/testing'
import { expect, test } from 'vitest'
import { gradedNames } from '../src/conformance-grades.js'
import { faults } from './conformance/faults.ts'
import { contract, createRelyingParty, endpoint } from './conformance/relying-party.ts'

test('each case says what it is', () => {
  const ids = conformanceCases.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { acts: _, needs: _needs, ...said } of conformanceCases) {
    for (const [member, text] of Object.entries(said)) expect(text, `${said.id}: ${member}`).toMatch(/\S/)
  }
})

test('each name that is graded is that of a case', () => {
  const titles = conformanceCases.map(({ title }) => title)
  expect(gradedNames.filter((name) => !titles.some((title) => title.includes(name)))).toEqual(['the same token again'])
})

test('the eight modules of the OpenID Foundation are there', () => {
  expect(conformanceCases.filter(({ group }) => group === 'oidf').map(({ id }) => id)).toEqual(
    ['', '-alg-none', '-no-event', '-with-nonce', '-wrong-alg', '-wrong-aud', '-wrong-event', '-wrong-iss'].map(
      (end) => `oidcc-client-test-rp-backchannel-rpinitlogout${end}`,
    ),
  )
})

test('an application that is as it must be passes all', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond })
  expect(results.filter(({ outcome }) => outcome !== 'passed')).toEqual([])
  expect(results).toHaveLength(conformanceCases.length)
})

test('an endpoint alone passes all that can be seen of it', async () => {
  const provider = await createTestProvider()
  const logout = createBackchannelLogout({ issuers: [provider.trusted], sessionMaxAge: 3600, store: new MemoryStore() })
  const results = await runConformance((url, init) => logout.handle(new Request(url, init)), { provider, endpoint })
  expect(results.filter(({ outcome }) => outcome === 'failed')).toEqual([])
  const skipped = results.filter(({ outcome }) => outcome === 'skipped').map(({ group }) => group)
  expect(new Set(skipped)).toEqual(new Set(['accept', 'session']))
  expect(sumUp(results).MUST.failed).toBe(0)
})

test.each(Object.entries(faults))('finds %s, and nothing else', async (_, { fault, found }) => {
  const { provider, fetch, nextSecond } = await createRelyingParty(fault())
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond })
  const isExpected = (id: string): boolean =>
    found.some((pattern) => (typeof pattern === 'string' ? pattern === id : pattern.test(id)))
  expect(results.filter(({ outcome }) => outcome === 'failed').map(({ id, got }) => `${id}: ${got}`)).toEqual(
    results.filter(({ id }) => isExpected(id)).map(({ id }) => expect.stringContaining(`${id}: `)),
  )
  expect(results.filter(({ outcome }) => outcome === 'skipped')).toEqual([])
})
