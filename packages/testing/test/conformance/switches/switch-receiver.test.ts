import { conformanceCases, createTestProvider, runConformance, type ConformanceResult } from '@bcl/testing'
import { expect, test } from 'vitest'
import { contract, endpoint, sharedKeys } from '../application.ts'
import { switches } from './checks.ts'
import { createSwitchReceiver, type Switches } from './switch-receiver.ts'

async function certify(options: Switches, only?: readonly string[]): Promise<ConformanceResult[]> {
  let time = 1_800_000_000
  const provider = await createTestProvider({ ...sharedKeys, now: () => time })
  const nextSecond = async (): Promise<void> => void (time += 1)
  const fetch = createSwitchReceiver(provider, options)
  return runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond, only })
}

const described = (results: readonly ConformanceResult[]): string[] =>
  results.filter(({ outcome }) => outcome !== 'passed').map(({ id, fault, got }) => `${id}: ${fault}, ${got}`)

test('each case of the group "refuse" has a switch', () => {
  const ids = conformanceCases.filter(({ group }) => group === 'refuse').map(({ id }) => id)
  expect(switches.map((name) => `refuse/${name}`).sort()).toEqual(ids.sort())
})

test('with all checks on, the receiver passes all cases', { timeout: 60_000 }, async () => {
  expect(described(await certify({}))).toEqual([])
})

test('each wrong token has exactly one fault', { timeout: 60_000 }, async () => {
  expect(described(await certify({ off: switches }, ['refuse']))).toHaveLength(switches.length)
})

/** Tokens whose fault is their typ, their kid, their age, or the header of an encrypted token. */
const notCareful = [
  'typ-null',
  'an-unknown-kid',
  'the-key-in-the-header',
  'iat-is-1e999',
  'five-parts-encrypted-for-nobody',
]

test('a wrong token has no other property that a strict receiver refuses', { timeout: 60_000 }, async () => {
  const failed = await certify({ off: switches, isStrict: true }, ['refuse'])
  const passed = failed.filter(({ outcome }) => outcome === 'passed').map(({ id }) => id)
  expect(passed.sort()).toEqual(notCareful.map((name) => `refuse/${name}`).sort())
})

/** Tokens without a user and without a session. They cannot end a session. */
const endsNothing = new Set([
  'neither-sub-nor-sid',
  'sub-and-sid-null',
  'empty-text',
  'a-payload-that-is-not-JSON',
  'a-payload-that-is-null',
])

test.each(switches)('without the check "%s", only the case of that name fails', { timeout: 60_000 }, async (name) => {
  // This receiver also answers 400 for unknown users. So the case must send its token for the signed-in user.
  const results = await certify({ off: [name], refusesUnknown: !endsNothing.has(name) }, ['refuse'])
  const end = endsNothing.has(name)
    ? 'status, answered 200, and the session is still live'
    : 'accepted, answered 200, and the session has ended'
  expect(described(results)).toEqual([`refuse/${name}: ${end}`])
})
