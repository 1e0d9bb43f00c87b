import { type Expected, expectedCase } from '../expected-case.ts'
import type { Browser, Case } from '../provider.ts'

/** The functions of Glewlwyd that the cases need. */
export interface GlewlwydAdmin {
  url: string
  administer(method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<void>
  createUser(name: string): Promise<void>
  /** Signs out on the end-session page. */
  signOut(browser: Browser, application: string): Promise<void>
}

export function glewlwydCases({ url, administer, createUser, signOut }: GlewlwydAdmin): Case[] {
  const expectations: Expected[] = [
    {
      name: 'RP-initiated logout, and the user confirms on the end-session page',
      tokens: 2,
      signedIn: 'phone',
      act: ({ laptop, urls }) => signOut(laptop, urls[0]!),
    },
    {
      name: 'a request to the end-session endpoint without an ID Token',
      tokens: 0,
      signedIn: 'both',
      act: ({ laptop }) => laptop.get(`${url}/api/oidc/end_session`),
    },
    {
      name: 'the user signs out on the sign-in page',
      tokens: 0,
      signedIn: 'both',
      act: ({ laptop }) => laptop.sendJson('DELETE', `${url}/api/auth/`),
    },
    {
      name: 'admin: disable the user',
      tokens: 0,
      signedIn: 'both',
      act: ({ user }) => administer('PUT', `/user/${user}`, { name: user, scope: ['openid'], enabled: false }),
    },
    {
      name: 'admin: delete the user',
      tokens: 0,
      signedIn: 'both',
      act: ({ user }) => administer('DELETE', `/user/${user}`),
    },
    {
      name: 'admin: delete the clients',
      tokens: 0,
      signedIn: 'both',
      act: async ({ clientIds }) => {
        for (const clientId of clientIds) await administer('DELETE', `/client/${clientId}`)
      },
    },
  ]
  return expectations.map((expected, index) => {
    const user = `user-${index}`
    return expectedCase(expected, user, () => createUser(user))
  })
}
