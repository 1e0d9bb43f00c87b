import { createBackchannelLogout, MemoryStore } from '@bcl/core'
import {
  conformanceCases,
  createTestProvider,
  runConformance,
  selectConformanceCases,
  SignInError,
  sumUp,
  type FetchLike,
} from '@bcl/testing'
import { expect, onTestFinished, test, vi } from 'vitest'
import { gradedNames } from '../../src/conformance/grades.js'
import { answerFaults } from './faults/answer-faults.ts'
import { findFaults, isFoundBy } from './faults/find-faults.ts'
import { contract, createRelyingParty, endpoint } from './faults/relying-party.ts'
import { requestFaults } from './faults/request-faults.ts'
import { sessionFaults } from './faults/session-faults.ts'
import { tokenFaults } from './faults/token-faults.ts'

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

test('cases are chosen by id, beginning, group, grade or requirement', () => {
  const chosen = (...names: string[]): string[] => selectConformanceCases(names).map(({ id }) => id)
  const first = 'oidcc-client-test-rp-backchannel-rpinitlogout'
  expect(chosen()).toHaveLength(conformanceCases.length)
  expect(chosen(first)).toEqual([first])
  expect(chosen('oidcc')).toHaveLength(8)
  expect(chosen('RP-45', 'answer/allow')).toEqual(['answer/allow', 'answer/in-time'])
  expect(chosen('MUST').length + chosen('hardening').length + chosen('interoperability').length).toBe(
    conformanceCases.length,
  )
  expect(new Set(selectConformanceCases(['session']).map(({ group }) => group))).toEqual(new Set(['session']))
})

test.each(['nothing', ''])('a name that means no case is an error: "%s"', async (name) => {
  const { provider, fetch } = await createRelyingParty()
  const run = runConformance(fetch, { provider, endpoint, only: ['answer', name] })
  await expect(run).rejects.toThrow(new RangeError(`no conformance case is named "${name}"`))
})

test.each([
  ['there is no such address', { ...contract, login: 'https://app.example.com/nowhere' }, /answered 404, signed out/],
  ['the other is no such address', { ...contract, me: 'https://app.example.com/nowhere' }, /nowhere answered 404/],
  ['everybody is let in', { ...contract, me: contract.login.replace('login', 'open') }, /answers 200 to somebody who/],
])('a sign-in that does not work is an error, not a reason to skip: %s', async (_, signIn, said) => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const open: FetchLike = (url, init) => (url.endsWith('/open') ? new Response() : fetch(url, init))
  const run = runConformance(open, { provider, endpoint, signIn, nextSecond })
  await expect(run).rejects.toThrow(/^nobody can sign in: /)
  await expect(run).rejects.toThrow(said)
})

test('an application that still holds other keys gets the time that it is given', async () => {
  let left = 2
  const { provider, fetch, nextSecond } = await createRelyingParty({
    onLogin() {
      if (left > 0) throw new Error(`no key, ${left}`)
      left -= 1
    },
  })
  const options = { provider, endpoint, signIn: contract, nextSecond, only: ['answer/allow'] }
  let waits = 0
  const onWait = (): void => void (waits += 1)
  await expect(runConformance(fetch, { ...options, onWait })).rejects.toThrow(SignInError)
  expect(waits).toBe(0)

  left = 2
  const patient = runConformance(fetch, { ...options, patience: 60, onWait: () => ((waits += 1), (left = 0)) })
  expect(await patient).toMatchObject([{ outcome: 'passed' }])
  expect(waits).toBe(1)
})

test('nobody waits for keys where a sign-in does not come as far as that', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const signIn = { ...contract, login: 'https://app.example.com/nowhere' }
  let waits = 0
  const run = runConformance(fetch, {
    provider,
    endpoint,
    signIn,
    nextSecond,
    patience: 60,
    onWait: () => (waits += 1),
  })
  await expect(run).rejects.toThrow(SignInError)
  expect(waits).toBe(0)
})

test('says which case goes on, and what became of it', async () => {
  const { provider, fetch, nextSecond } = await createRelyingParty()
  const heard: string[] = []
  await runConformance(fetch, {
    provider,
    endpoint,
    signIn: contract,
    nextSecond,
    only: ['answer/allow', 'answer/in-time'],
    onProgress: ({ id }) => heard.push(id),
    onResult: ({ id, outcome }) => heard.push(`${id} ${outcome}`),
  })
  expect(heard).toEqual([
    'answer/allow',
    'answer/in-time',
    'answer/allow',
    'answer/allow passed',
    'answer/in-time',
    'answer/in-time passed',
  ])
})

findFaults({ ...answerFaults, ...requestFaults })

test('an answer that comes late is found', async () => {
  let late = 0
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + late)
  onTestFinished(() => void vi.restoreAllMocks())
  const { provider, fetch, nextSecond } = await createRelyingParty({
    answer(response) {
      late += 2500
      return response
    },
  })
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond, only: ['answer'] })
  const failed = results.filter(({ outcome }) => outcome === 'failed')
  expect(failed.map(({ id, got }) => `${id}: ${got}`)).toEqual([
    expect.stringMatching(/^answer\/in-time: answered after \d{4,} ms$/),
  ])
})

test('each case is found by a fault that not nearly all cases find', () => {
  const { 'a login before the endpoint': _, 'refusals that lead to a page': _page, ...rest } = answerFaults
  const found = Object.values({ ...rest, ...requestFaults, ...tokenFaults, ...sessionFaults }).flatMap(
    (one) => one.found,
  )
  expect(conformanceCases.map(({ id }) => id).filter((id) => !isFoundBy(found, id))).toEqual([
    'answer/no-redirect',
    'answer/in-time',
  ])
})
