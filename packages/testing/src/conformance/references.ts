/** Why each requirement is one: the sentence behind it, in our words. BCL is OpenID Connect Back-Channel Logout 1.0. */
const references: Record<string, string> = {
  'RP-1': 'BCL 2.5: the provider POSTs a form, application/x-www-form-urlencoded, with the parameter logout_token',
  'RP-2': 'BCL 2.5: other parameters that are not understood are to be ignored; BCL 2.2: the URI may have a query',
  'RP-3': 'BCL 2.5 and 2.8: a request without the one logout_token in its form is invalid, and invalid is 400',
  'RP-4': 'RFC 9110, 15.5.14: what is too large may be refused; nobody should make a server read or verify without end',
  'RP-5':
    'BCL 2.5: the provider calls directly, with no cookie, page or Origin of the user; the signature is the proof',
  'RP-10': 'BCL 2.4: iss, aud, iat, exp, jti and events are required; 2.6, step 4: validated as in an ID Token',
  'RP-10a': 'RFC 7515, 2 and 5.2: parts are base64url with no padding, white space or other characters; RFC 4648, 3.5',
  'RP-11': 'BCL 2.6, step 4, with Core 3.1.3.7, step 2: iss must exactly match the Issuer Identifier',
  'RP-12':
    'BCL 2.6, step 4, with Core 3.1.3.7, steps 3 to 5: aud must hold the client, and no audience it does not trust',
  'RP-13': 'BCL 2.6, steps 2 and 3: signed, by the algorithm registered for ID Tokens, never with none; RFC 8725, 3.1',
  'RP-14': 'RFC 8725, 2.1 and 3.1: a public key must not pass for the secret of an HMAC',
  'RP-15': 'RFC 7515, 4.1.11 (crit) and 10; RFC 8725, 3.10: keys come from the provider, not from the token',
  'RP-17': 'BCL 2.6, step 4: iat and exp are validated as in an ID Token; RFC 7519, 2 and 4.1: they are numbers',
  'RP-18': 'BCL 2.6, step 5: there is a sub, a sid or both; RFC 7519, 4.1.2: strings',
  'RP-19': 'BCL 2.4: sid is opaque to the application, any printable text',
  'RP-20': 'BCL 2.4 and 2.6, step 6: events is a JSON object with the logout event, whose value is a JSON object',
  'RP-21': 'BCL 2.4 and 2.6, step 7: there must be no nonce, so that no ID Token passes for a Logout Token',
  'RP-22':
    'BCL 2.4: typ should be logout+jwt and is not required; RFC 8725, 3.11: another type is another kind of token',
  'RP-23': 'RFC 7519, 4: claims that are not understood must be ignored',
  'RP-24': 'BCL 2.6, step 8: a jti may be refused when it comes again; providers resend a token whose answer was lost',
  'RP-30': 'BCL 2.4 and 2.7: a sid means that session; no sid means all sessions of the sub',
  'RP-31': 'BCL 2.7: to log out a user who is logged out already is a success',
  'RP-32': 'BCL 2.7: the sessions to clear are those the logout was about, of which a later sign-in is none',
  'RP-33':
    'BCL 2.7: the session is identified by iss and sub, or by sid; WSO2 sends the sub of another client of the browser session',
  'RP-40': 'BCL 2.8: a logout that succeeded is answered 200',
  'RP-41': 'BCL 2.8: an invalid request is answered 400, and may say why in JSON, as RFC 6749, 5.2, has it',
  'RP-42': 'BCL 2.8: the answer should have Cache-Control: no-store',
  'RP-43':
    'RFC 6749, 5.2: error_description keeps to a set of characters; what a sender got wrong is not sent back to it',
  'RP-44':
    'BCL 2.8: the answer is 200 or 400; providers fail on a redirect, or take the page that it leads to for a success',
  'RP-45': 'BCL 2.5 sets no time; node-oidc-provider gives up after 2.5 s, with the user waiting',
  'RP-53': 'Core 10.1.1: keys are rotated by publishing a new one, found by a kid that is not known yet',
  'RP-54': 'RFC 7515, 4.1.4: kid is optional; the one key that fits the algorithm is meant',
  'T-7': 'BCL 2.4: the value of the logout event must be a JSON object, which null is not',
}

/** @throws {Error} for a requirement that has no reference yet. */
export function referenceFor(requirement: string): string {
  const reference = references[requirement]
  if (reference === undefined) throw new Error(`no reference for ${requirement}`)
  return reference
}
