import { type Expected, expectedCase } from '../expected-case.ts'
import type { Browser, Case } from '../provider.ts'

/** The functions of Better Auth that the cases need. */
export interface BetterAuthAdmin {
  issuer: string
  password: string
  createUser(name: string): Promise<void>
  /** Calls an endpoint of the admin plugin for a user. */
  administer(action: string, user: string): Promise<void>
}

export function betterAuthCases({ issuer, password, createUser, administer }: BetterAuthAdmin): Case[] {
  const send = async (browser: Browser, path: string, body: object): Promise<void> => {
    const response = await browser.sendJson('POST', `${issuer}/${path}`, body)
    if (!response.ok) throw new Error(`Better Auth: ${path}: ${response.status} ${await response.text()}`)
  }
  const changePassword = (browser: Browser, revokeOtherSessions: boolean) =>
    send(browser, 'change-password', { currentPassword: password, newPassword: `new ${password}`, revokeOtherSessions })

  const expectations: Omit<Expected, 'token' | 'prepare'>[] = [
    {
      name: 'RP-initiated logout',
      tokens: 2,
      signedIn: 'phone',
      act: ({ laptop, urls }) => laptop.post(`${urls[0]}/logout`),
    },
    {
      name: '`revoke-other-sessions`',
      tokens: 2,
      signedIn: 'one',
      act: ({ laptop }) => send(laptop, 'revoke-other-sessions', {}),
    },
    {
      name: 'the user changes the password',
      tokens: 0,
      signedIn: 'both',
      act: ({ laptop }) => changePassword(laptop, false),
    },
    {
      name: 'the user changes the password with `revokeOtherSessions`',
      tokens: 4,
      signedIn: 'none',
      act: ({ laptop }) => changePassword(laptop, true),
    },
    {
      name: 'admin plugin: `revoke-user-sessions`',
      tokens: 4,
      signedIn: 'none',
      act: ({ user }) => administer('revoke-user-sessions', user),
    },
    {
      name: 'admin plugin: `ban-user`',
      tokens: 4,
      signedIn: 'none',
      act: ({ user }) => administer('ban-user', user),
    },
    {
      name: 'admin plugin: `remove-user`',
      tokens: 4,
      signedIn: 'none',
      act: ({ user }) => administer('remove-user', user),
    },
  ]
  return expectations.map((expected, index) => {
    const user = `user-${index}`
    return expectedCase({ ...expected, token: { alg: 'EdDSA' }, prepare: { shared: true } }, user, () =>
      createUser(user),
    )
  })
}
