/**
 * The reason for each requirement: the rule of a standard, in our words. "BCL" is OpenID Connect Back-Channel Logout
 * 1.0. "Core" is OpenID Connect Core 1.0.
 */
const references: Record<string, string> = {
  'RP-1': 'BCL 2.5: the provider POSTs an application/x-www-form-urlencoded form with the parameter logout_token',
  'RP-2': 'BCL 2.5: unknown parameters are ignored. BCL 2.2: the logout URI may have a query string',
  'RP-3': 'BCL 2.5 and 2.8: a request whose form does not have exactly one logout_token is invalid. The answer is 400',
  'RP-4': 'RFC 9110, 15.5.14: a server may refuse large content. Without a limit, one request can use up a server',
  'RP-5':
    'BCL 2.5: the provider sends the request itself, without a cookie, page or Origin of the user. The signature proves who sent it',
  'RP-10':
    'BCL 2.4: iss, aud, iat, exp, jti and events are required. BCL 2.6, step 4: they are checked as in an ID Token',
  'RP-10a':
    'RFC 7515, 2 and 5.2: each part is base64url without padding, white space or other characters. RFC 4648, 3.5: spare bits are zero',
  'RP-11': 'BCL 2.6, step 4, with Core 3.1.3.7, step 2: iss exactly matches the issuer identifier',
  'RP-12':
    'BCL 2.6, step 4, with Core 3.1.3.7, steps 3 to 5: aud contains the client, and no audience that the client does not trust. Each client decides which other audiences it trusts',
  'RP-13':
    'BCL 2.6, steps 2 and 3: the token is signed with the algorithm that is registered for ID Tokens, never with none. See also RFC 8725, 3.1',
  'RP-14': 'RFC 8725, 2.1 and 3.1: a public key is never the secret of an HMAC',
  'RP-15':
    'RFC 7515, 4.1.11: an unknown critical header parameter makes a token invalid. RFC 7515, 10, and RFC 8725, 3.10: keys come from the provider, not from the token',
  'RP-17':
    'BCL 2.6, step 4: iat and exp are checked as in an ID Token. RFC 7519, 4.1.4 to 4.1.6: they are numbers, and nbf is optional',
  'RP-18': 'BCL 2.6, step 5: the token has a sub, a sid or both. RFC 7519, 4.1.2: they are strings',
  'RP-19': 'BCL 2.4: sid is opaque to the application and may be any printable text',
  'RP-20': 'BCL 2.4 and 2.6, step 6: events is a JSON object with the logout event, whose value is a JSON object',
  'RP-21': 'BCL 2.4 and 2.6, step 7: the token has no nonce, so that an ID Token is never accepted as a Logout Token',
  'RP-22':
    'BCL 2.4: typ should be logout+jwt but is not required. RFC 8725, 3.11: another typ is another kind of token',
  'RP-23': 'RFC 7519, 4: unknown claims are ignored',
  'RP-24': 'BCL 2.6, step 8: a repeated jti may be refused. A provider sends a token again after a lost answer',
  'RP-30': 'BCL 2.4 and 2.7: a token with sid ends that session. A token without sid ends all sessions of the sub',
  'RP-31': 'BCL 2.7: the logout of a user who is already logged out succeeds',
  'RP-32':
    'BCL 2.7 does not mention the order of arrival. A later sign-in is not one of the sessions that a logout is about',
  'RP-33':
    'BCL 2.7: iss and sub, or sid, identify the session. WSO2 sends the sub of another client in the same browser session',
  'RP-40': 'BCL 2.8: a successful logout is answered 200',
  'RP-41': 'BCL 2.8: an invalid request is answered 400, and may have a reason in JSON as in RFC 6749, 5.2',
  'RP-42': 'BCL 2.8: the answer SHOULD have Cache-Control: no-store',
  'RP-43':
    'RFC 6749, 5.2: error_description has a limited set of characters. An answer that repeats claims can leak them',
  'RP-44':
    'BCL 2.8: the answer is 200 or 400. A provider fails on a redirect, or follows it to a page that answers 200',
  'RP-45':
    'BCL 2.5 sets no time limit. The provider node-oidc-provider stops waiting after 2.5 s, and the user waits too',
  'RP-53':
    'Core 10.1.1: a provider rotates keys by publishing a new one. A token with an unknown kid announces the new key',
  'RP-54':
    'RFC 7515, 4.1.4: kid is optional. Without a kid, the token is verified with the key that fits the algorithm',
  'T-7': 'BCL 2.4: the value of the logout event is a JSON object. The value null is not an object',
}

/** @throws {Error} if the requirement has no reference yet. */
export function referenceFor(requirement: string): string {
  const reference = references[requirement]
  if (reference === undefined) throw new Error(`no reference for ${requirement}`)
  return reference
}
