import type { Page } from '../../../../examples/demo/src/browser.ts'
import { type Expected, expectedCase } from '../expected-case.ts'
import type { Browser, Case } from '../provider.ts'

/** The functions of LemonLDAP::NG that the cases need. */
export interface LemonldapAdmin {
  /** Signs out on the portal. @default 'current' */
  signOut(browser: Browser, which?: 'all' | 'current'): Promise<void>
  /** Answers the page that the portal shows before a sign-out if the user has other sessions. */
  confirm(browser: Browser, page: Page, which: 'all' | 'current'): Promise<void>
  /** Changes options of a client. The names are given without the prefix `oidcRPMetaDataOptions`. */
  updateClient(clientId: string, options: Record<string, string | number>): Promise<void>
  /** Deletes the sessions of a user as an administrator. */
  deleteSessions(user: string): Promise<void>
  /** Ends one session of a user with the request that the Manager sends to the portal if `adminLogoutServerSecret` is set. */
  endSession(user: string): Promise<void>
}

export function lemonldapCases(series: '2.21' | '2.23', admin: LemonldapAdmin): Case[] {
  const { signOut, confirm, updateClient, deleteSessions, endSession } = admin
  const endedByManager: Expected = {
    name: 'admin: end one session with `admintokenrevoke`',
    tokens: 2,
    signedIn: 'one',
    act: ({ user }) => endSession(user),
  }
  const expectations: Expected[] = [
    {
      name: 'RP-initiated logout',
      tokens: 2,
      signedIn: 'phone',
      act: async ({ laptop, urls }) => confirm(laptop, await laptop.post(`${urls[0]}/logout`), 'current'),
    },
    {
      name: 'global logout on the portal, with "All"',
      ...(series === '2.23' ? { tokens: 4, signedIn: 'none' } : { tokens: 2, signedIn: 'phone' }),
      act: ({ laptop }) => signOut(laptop, 'all'),
    },
    {
      name: "admin: delete the user's sessions on the command line",
      tokens: 0,
      signedIn: 'both',
      act: ({ user }) => deleteSessions(user),
    },
    ...(series === '2.23' ? [endedByManager] : []),
    {
      name: '"Session required" is off, and a user signs out',
      tokens: 2,
      signedIn: 'none',
      token: { sid: false },
      prepare: { configure: (clientId) => updateClient(clientId, { LogoutSessionRequired: 0 }) },
      act: ({ laptop }) => signOut(laptop),
    },
    {
      name: "the client's access tokens are signed with RS512, and its ID Tokens with RS256",
      tokens: 2,
      signedIn: 'phone',
      token: { alg: 'RS512' },
      prepare: {
        settings: { algorithms: ['RS512'] },
        configure: (clientId) => updateClient(clientId, { AccessTokenSignAlg: 'RS512' }),
      },
      act: ({ laptop }) => signOut(laptop),
    },
    {
      name: 'the client has additional audiences, and a user signs out',
      tokens: 2,
      signedIn: 'phone',
      prepare: {
        settings: { trustedAudiences: ['https://api.example.com'] },
        configure: (clientId) => updateClient(clientId, { AdditionalAudiences: 'https://api.example.com' }),
      },
      act: ({ laptop }) => signOut(laptop),
    },
  ]
  return expectations.map((expected) => expectedCase(expected, 'rtyler'))
}
