import type { Account } from 'oidc-provider'

const names = new Map([
  ['alice', 'Alice Adams'],
  ['bob', 'Bob Brown'],
  ['carol', 'Carol Clark'],
  ['dave', 'Dave Davis'],
  ['erin', 'Erin Evans'],
])

/** The accounts of the sign-in page: `sub` and name. */
export const accounts: ReadonlyMap<string, string> = names

export function findAccount(sub: string): Account | undefined {
  const name = names.get(sub)
  if (name === undefined) return undefined
  return { accountId: sub, claims: () => ({ sub, name, email: `${sub}@example.com` }) }
}
