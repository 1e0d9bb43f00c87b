import type { TestIssuer } from '../../providers/test-issuer.js'
import type { TestProvider } from '../../providers/test-provider.js'
import { slug } from '../../slug.js'

/** A Logout Token that a case sends. */
export interface TokenRow {
  id: string
  name: string
  requirement: string
  make(op: TestIssuer, provider: TestProvider): Promise<string>
}

/**
 * Tells whether a row sends a time near the tolerance of `@bcl/core`. Receivers have different tolerances. So the conformance
 * cases use times that are 10 seconds or 10 minutes away.
 */
export const isNearTolerance = ({ name }: Pick<TokenRow, 'name'>): boolean =>
  /^(?:exp 50|exp 60|iat 59|nbf 59|issued long)|is 90 s ahead/.test(name)

/** A row whose times depend on the clock. */
export const datedRow = (name: string, claims: (now: number) => object): TokenRow => ({
  id: slug(name),
  name,
  requirement: 'RP-17',
  make: (op) => op.logoutToken(claims(op.now())),
})
