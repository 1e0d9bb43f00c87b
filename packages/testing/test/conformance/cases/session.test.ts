import { findingsOf, runConformance } from '@bcl/testing'
import { expect, test } from 'vitest'
import { contract, endpoint } from '../application.ts'
import { findFaults } from '../faults/find-faults.ts'
import { claimsOf } from '../faults/reissue.ts'
import { createRelyingParty, type Fault } from '../faults/relying-party.ts'
import { sessionFaults } from '../faults/session-faults.ts'

findFaults(sessionFaults)

async function failuresOf(fault: Fault, only: readonly string[]) {
  const { provider, fetch, nextSecond } = await createRelyingParty(fault)
  const results = await runConformance(fetch, { provider, endpoint, signIn: contract, nextSecond, only })
  return results.filter(({ outcome }) => outcome !== 'passed')
}

/** An application that signs out everybody for each valid token. */
function signsOutEverybody(): Fault {
  const users = new Set<string>()
  return {
    onLogin: (_, { sub }) => users.add(sub),
    async receive(token, tools) {
      const iss = (await claimsOf(token, tools))?.['iss'] as string | undefined
      if (iss !== undefined) for (const sub of users) await tools.logout.endAllSessions({ iss, sub })
      return token
    },
  }
}

test('finds an application that ends the sessions of everybody for a token with sid', async () => {
  const id = 'session/a-sid-ends-the-sessions-of-nobody-else'
  expect(await failuresOf(signsOutEverybody(), [id])).toMatchObject([
    { id, grade: 'MUST', fault: 'ended', got: 'the session of another user has ended' },
  ])
})

test('says that an old session was revived only if it had ended', async () => {
  const id = 'session/an-old-cookie-stays-dead'
  const failures = await failuresOf(sessionFaults['forgets logouts at the next sign-in']!.fault(), [id])
  expect(failures).toMatchObject([
    { id, fault: 'other', got: 'the session of the old cookies had ended, but a later sign-in revived it' },
  ])
  expect(findingsOf(failures)[0]!.what).toBe(
    'The application fails this case: an old cookie is refused after a new sign-in.',
  )
})

test('an accepted forged token is the most dangerous kind of fault', async () => {
  const fault = sessionFaults['ends sessions for a forged token']!.fault()
  const failures = await failuresOf(fault, ['session/a-refused-token-ends-nothing', 'refuse/another-signature'])
  expect(findingsOf(failures)).toMatchObject([{ fault: 'accepted', grade: 'MUST', results: [{}, {}] }])
})
