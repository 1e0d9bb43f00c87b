import type { Provider } from '../provider.ts'
import { betterAuthProvider } from './better-auth.ts'
import { keycloak } from './keycloak.ts'
import { nodeOidcProvider } from './node-oidc-provider.ts'

/** All providers, by their name on the command line. */
export const providers: Record<string, Provider> = {
  keycloak,
  'better-auth': betterAuthProvider,
  'node-oidc-provider': nodeOidcProvider,
}
