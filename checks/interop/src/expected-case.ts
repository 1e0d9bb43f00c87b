import assert from 'node:assert/strict'
import type { Case, LabOptions, SignedIn } from './provider.ts'

/**
 * The expected behaviour of a provider after an action. Each case has two applications. A user is signed in to both applications on
 * two devices.
 */
export interface Expected {
  name: string
  /** The number of Logout Tokens that the provider sends: four for both devices, or two for one device. */
  tokens: number
  /** The devices that are signed in afterwards. `one` means either of the two devices. */
  signedIn: 'both' | 'phone' | 'one' | 'none'
  /** @default { alg: 'RS256', sid: true } */
  token?: { alg?: string; sid?: boolean }
  /** How the applications answer each Logout Token. @default 200 */
  status?: number
  /** The number of redirects that the provider follows. @default 0 */
  followed?: number
  prepare?: LabOptions
  act(signedIn: SignedIn): Promise<unknown>
}

/** Makes a case that compares the behaviour of the provider with `expected`. `prepare` creates the user. */
export function expectedCase(expected: Expected, user: string, prepare?: () => Promise<unknown>): Case {
  return {
    name: expected.name,
    async run(lab) {
      await prepare?.()
      const signedIn = await lab.signedIn({ user, ...expected.prepare })
      const seen = await signedIn.after(() => expected.act(signedIn), expected.tokens)
      assert.equal(seen.tokens.length, expected.tokens, 'the number of Logout Tokens')
      for (const { header, claims, status } of seen.tokens) {
        assert.equal(status, expected.status ?? 200, 'the answer to a Logout Token')
        assert.equal(header['alg'], expected.token?.alg ?? 'RS256')
        assert.equal('sid' in claims, expected.token?.sid ?? true, 'whether there is a sid')
      }
      assert.equal(seen.followed, expected.followed ?? 0, 'the number of redirects that the provider followed')
      const devices = seen.signedIn.length === 1 && expected.signedIn === 'one' ? 'one' : describe(seen.signedIn)
      assert.equal(devices, expected.signedIn, 'the devices that are signed in')
      return { tokens: seen.tokens.length, signedIn: devices }
    },
  }
}

function describe(devices: readonly string[]): string {
  return devices.length === 2 ? 'both' : (devices[0] ?? 'none')
}
