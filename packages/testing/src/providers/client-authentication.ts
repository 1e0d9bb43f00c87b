import { decodePayload } from '../tokens/compact-jws.js'
import { readCredentials } from './authorization-http.js'

/** Returns the sub of a client assertion. Does not verify the assertion. */
function subjectOf(assertion: string): unknown {
  try {
    return (decodePayload(assertion) as { sub?: unknown }).sub
  } catch {
    return undefined
  }
}

/** A client that is registered at the provider. */
interface Client {
  id: string
  secret: string
}

/**
 * Tells whether a request comes from the client. The provider does not know the keys of the client, so it does not verify
 * assertions. A public client has no secret and needs PKCE.
 */
export function isFromClient(request: Request, form: URLSearchParams, client: Client, usesPkce: boolean): boolean {
  const assertion = form.get('client_assertion')
  if (assertion !== null) return subjectOf(assertion) === client.id
  const [id, secret] = readCredentials(request, form)
  return id === client.id && (secret === client.secret || (!secret && usesPkce))
}
