import type { Provider } from '../provider.ts'
import { betterAuthProvider } from './better-auth.ts'
import { glewlwyd } from './glewlwyd.ts'
import { keycloak } from './keycloak.ts'
import { lemonldap } from './lemonldap.ts'
import { nodeOidcProvider } from './node-oidc-provider.ts'

/** All providers, by their name on the command line. */
export const providers: Record<string, Provider> = {
  keycloak,
  'lemonldap-2.21': lemonldap({
    release: 'trixie',
    series: '2.21',
    settings: { requireExp: false },
    how: 'All sessions are ended on the sign-out page in each browser.',
  }),
  'lemonldap-2.23': lemonldap({
    release: 'forky',
    series: '2.23',
    settings: {},
    how: 'All sessions are ended on the sign-out page of one browser, with "All".',
  }),
  glewlwyd,
  'better-auth': betterAuthProvider,
  'node-oidc-provider': nodeOidcProvider,
}
