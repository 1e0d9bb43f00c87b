import { conformanceCases, selectConformanceCases } from '@bcl/testing'
import { expect, test } from 'vitest'
import { gradedIds } from '../../src/conformance/grades.js'
import { idsWithOwnRule } from '../../src/conformance/references.js'

test('each case has a unique id and no empty text', () => {
  const ids = conformanceCases.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { acts: _, needs: _needs, namesOnlyTheUser: _names, ...texts } of conformanceCases) {
    for (const [member, text] of Object.entries(texts)) expect(text, `${texts.id}: ${member}`).toMatch(/\S/)
  }
})

test('each id in the lists of grades is the id of a case', () => {
  const ids = new Set(conformanceCases.map(({ id }) => id))
  expect(gradedIds.filter((id) => !ids.has(id))).toEqual([])
  expect(new Set(gradedIds).size).toBe(gradedIds.length)
})

test('each id with a rule of its own is the id of a case', () => {
  const ids = new Set(conformanceCases.map(({ id }) => id))
  expect(idsWithOwnRule.filter((id) => !ids.has(id))).toEqual([])
  expect(new Set(idsWithOwnRule).size).toBe(idsWithOwnRule.length)
})

test('the eight modules of the OpenID Foundation are cases', () => {
  expect(conformanceCases.filter(({ group }) => group === 'oidf').map(({ id }) => id)).toEqual(
    ['', '-alg-none', '-no-event', '-with-nonce', '-wrong-alg', '-wrong-aud', '-wrong-event', '-wrong-iss'].map(
      (end) => `oidcc-client-test-rp-backchannel-rpinitlogout${end}`,
    ),
  )
})

test('a name selects cases by id, beginning of the id, group, grade or requirement', () => {
  const idsOf = (...names: string[]): string[] => selectConformanceCases(names).map(({ id }) => id)
  const first = 'oidcc-client-test-rp-backchannel-rpinitlogout'
  expect(idsOf()).toHaveLength(conformanceCases.length)
  expect(idsOf(first)).toEqual([first])
  expect(idsOf('oidcc')).toHaveLength(8)
  expect(idsOf('RP-45', 'answer/allow')).toEqual(['answer/allow', 'answer/in-time'])
  const grades = ['MUST', 'SHOULD', 'hardening', 'interoperability']
  expect(grades.flatMap((grade) => idsOf(grade)).sort()).toEqual(idsOf().sort())
  expect(new Set(selectConformanceCases(['session']).map(({ group }) => group))).toEqual(new Set(['session']))
})

test.each(['nothing', ''])('a name that matches no case is an error: "%s"', (name) => {
  expect(() => selectConformanceCases(['answer', name])).toThrow(
    new RangeError(`no conformance case is named "${name}"`),
  )
})
