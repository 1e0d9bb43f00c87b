/**
 * The reason for each requirement: the rule of a standard, in our words. "BCL" is OpenID Connect Back-Channel Logout
 * 1.0. "Core" is OpenID Connect Core 1.0.
 */
const references: Record<string, string> = {
  'RP-1': 'BCL 2.5: the request is a POST, and its application/x-www-form-urlencoded body includes logout_token',
  'RP-2': 'BCL 2.5: the body may contain other values. Values that are not understood must be ignored',
  'RP-3': 'BCL 2.5 and 2.8: the body includes a logout_token. An invalid request must be answered 400',
  'RP-4':
    'No standard sets a limit. RFC 9110, 15.5.14, has the status 413 for large content. Without a limit, one request can use up a server',
  'RP-5':
    'BCL 2.5: the provider sends the request itself, without a cookie, page or Origin of the user. The signature proves who sent it',
  'RP-10':
    'BCL 2.4: iss, aud, iat, exp, jti and events are REQUIRED. BCL 2.6, step 4: iss, aud, iat and exp are validated as in an ID Token',
  'RP-10a':
    'RFC 7515, 5.2: a token has three parts, each part decodes from base64url, and the header is a JSON object in UTF-8. If one step fails, the signature is not valid',
  'RP-11':
    'BCL 2.6, step 4, with Core 3.1.3.7, step 2: the issuer identifier of the provider must exactly match the iss',
  'RP-12': 'BCL 2.6, step 4, with Core 3.1.3.7, step 3: a token whose aud does not list the client must be rejected',
  'RP-13':
    'BCL 2.6, steps 2 and 3, with Core 3.1.3.7, steps 6 to 8: the signature is by a key of the provider, with the registered algorithm, and never with none',
  'RP-14': 'RFC 8725, 3.1: each key must be used with exactly one algorithm. So a public key is never an HMAC secret',
  'RP-15': 'Core 3.1.3.7, step 6: the client must use the keys that the issuer provides. See also RFC 8725, 3.10',
  'RP-17':
    'BCL 2.6, step 4: iat and exp are validated as in an ID Token. RFC 7519, 4.1.4 and 4.1.6: the value must be a number',
  'RP-18': 'BCL 2.6, step 5: the token contains a sub, a sid or both',
  'RP-19': 'BCL 2.4: sid is opaque to the application. Like a client_id, it may be any printable ASCII text',
  'RP-20': 'BCL 2.6, step 6: events is a JSON object that contains the logout event',
  'RP-21': 'BCL 2.6, step 7: the token does not contain a nonce. A nonce whose value is null is still a nonce',
  'RP-22': 'RFC 8725, 3.11: the typ says what kind of token it is. BCL 2.4 recommends logout+jwt',
  'RP-23': 'BCL 2.4 and RFC 7519, 4: claims that are not understood must be ignored',
  'RP-24':
    'BCL 2.6, step 8: a repeated jti may be refused. If the answer was lost, a provider may send the token again. If the application then refuses the token, the provider thinks that the logout has failed',
  'RP-30':
    'BCL 2.4 and 2.7: the application ends the sessions that the token identifies. A token without sid is about all sessions of the sub',
  'RP-31': 'BCL 2.7: the logout of a user who is already logged out is considered to have succeeded',
  'RP-32':
    'BCL 2.7 does not mention the order of arrival. A later sign-in is not one of the sessions that a logout is about',
  'RP-33':
    'BCL 2.7: iss and sub, or sid, identify the session. BCL 2.6, step 10, allows a refusal if the sub is not the sub of the ID Token. WSO2 may send the sub that the user has at another client in the same browser session',
  'RP-40': 'BCL 2.8: a successful logout must be answered 200',
  'RP-41':
    'BCL 2.8: a refusal may have a JSON body with error and error_description. RFC 6749, 5.2: both have a limited set of characters',
  'RP-42': 'BCL 2.8: the answer SHOULD have Cache-Control: no-store',
  'RP-43': 'No standard has this rule. The log of a proxy can keep claims that an answer repeats',
  'RP-44':
    'BCL 2.8: the answer is 200 or 400. A provider fails on a redirect, or follows it to a page that answers 200',
  'RP-45':
    'BCL 2.5 sets no time limit. The provider node-oidc-provider waits for 2.5 s. During this time, the user also waits',
  'RP-53':
    'Core 10.1.1: a provider rotates keys by publishing a new key. If a client sees an unknown kid, it fetches the keys again',
  'RP-54':
    'RFC 7515, 4.1.4: kid is optional. Core 10.1 requires a kid if a provider has several keys, but some providers leave it out. Then one key fits the algorithm',
}

/** A sentence for a rule that a standard has only for the provider. */
const noCheck = 'BCL 2.6 does not ask for this check'

const firewall =
  'Parsers disagree about the value that counts. So a firewall and the application can read different tokens'

/** Rules for cases that do not use the rule of their requirement. Each rule has the ids of its cases. */
const rulesOfCases: readonly (readonly [rule: string, ids: readonly string[]])[] = [
  [
    'RFC 9110, 8.3.1: the name of a media type is case-insensitive, and parameters may follow it',
    ['request/a-media-type-with-a-charset', 'request/a-media-type-in-capitals'],
  ],
  ['BCL 2.2: the logout URI may have query parameters. The token is in the body', ['request/a-query-string']],
  [
    'BCL 2.5: the token is in the body. A proxy writes addresses, and sometimes headers, to its log',
    ['request/a-token-only-in-the-query-string', 'request/a-token-only-in-an-Authorization-header'],
  ],
  [
    `BCL 2.5 does not mention a second logout_token. ${firewall}`,
    ['request/two-tokens', 'request/two-tokens-the-wrong-one-first', 'request/the-same-token-twice'],
  ],
  [
    'BCL 2.5: the name of the parameter is logout_token. If other names count too, a firewall can miss the token',
    [
      'request/brackets-after-the-name-logout-token',
      'request/a-key-after-the-name-logout-token-a',
      'request/the-name-in-capitals-Logout-Token',
      'request/another-name-logoutToken-WSO2-5-5-to-5-8',
    ],
  ],
  [
    'BCL 2.5: the body is application/x-www-form-urlencoded. Each other format is more code that an attacker can reach',
    ['request/JSON', 'request/multipart', 'request/text', 'request/a-token-for-its-body'],
  ],
  [
    'A body that cannot be read is a fault of the sender, not of the server. BCL 2.8 has the status 400 for it',
    ['request/JSON-that-is-broken', 'request/an-unknown-charset-of-nothing'],
  ],
  [
    'BCL 2.5: the request is a POST. With other methods, the token is in the address, which is written to logs',
    ['request/GET', 'request/PUT', 'request/DELETE', 'request/PATCH'],
  ],
  [
    'RFC 7515, 5.2: base64url has no white space. An application may remove white space around a parameter before it reads the token',
    ['request/a-token-with-a-space-before-it', 'refuse/a-line-feed-at-the-end'],
  ],
  [
    'RFC 7515, 5.2, step 8: the signature decodes as base64url, with no line breaks, whitespace, or other additional characters. RFC 4648, 3.3: other characters must be rejected',
    ['refuse/a-space-inside-the-signature', 'refuse/padding', 'refuse/plus-and-slash-for-minus-and-underscore'],
  ],
  [
    'RFC 4648, 3.5: a decoder may reject spare bits that are not zero. If it does not, one token can be written in several ways',
    ['refuse/spare-bits-in-the-signature'],
  ],
  [
    'BCL 2.6, step 1: an encrypted token is decrypted with the keys and the algorithms that the client registered. A token that cannot be decrypted is rejected',
    ['refuse/five-parts-encrypted-for-nobody'],
  ],
  [
    'RFC 7519, 7.2, step 10: the payload is a JSON object in UTF-8',
    ['refuse/a-payload-that-is-not-JSON', 'refuse/a-payload-that-is-null'],
  ],
  [references['RP-3']!, ['refuse/empty-text']],
  [
    'RFC 7515, 4.1.11: a token with a critical header parameter that is not understood is invalid',
    ['refuse/a-critical-extension'],
  ],
  ['RFC 7515, 4.1.11: a sender must not use an empty crit, and a recipient may refuse it', ['refuse/an-empty-crit']],
  [
    'RFC 7515, 4.1.4: the kid is only a hint. The provider has made the signature, so the token is not forged',
    ['refuse/an-unknown-kid'],
  ],
  [
    'RFC 8725, 3.1: each key must be used with exactly one algorithm. BCL 2.6, step 3: the registration says which algorithm',
    ['refuse/a-good-signature-under-PS256-which-is-not-registered'],
  ],
  [
    'Core 3.1.3.7, step 3: a token is rejected for audiences that the client does not trust. Each client decides which other audiences it trusts',
    ['refuse/a-further-audience', 'refuse/a-further-audience-that-is-a-number'],
  ],
  [
    'Core 3.1.3.7, steps 4 and 5: a client may check azp. BCL 2.6, step 4, does not mention azp',
    ['refuse/azp-of-another-client', 'refuse/azp-null', 'accept/azp-of-this-client'],
  ],
  [
    'Core 3.1.3.7, step 9: the current time must be before exp. RFC 7519, 4.1.4: a leeway is usually no more than a few minutes',
    ['refuse/exp-ten-minutes-ago'],
  ],
  [
    'Core 3.1.3.7, step 10: an iat far from the current time can be a reason for a refusal. The range is specific to the client',
    ['refuse/iat-ten-minutes-ahead'],
  ],
  [
    'RFC 7519, 4.1.5: nbf is optional. BCL does not mention nbf, and an application may ignore claims that it does not know',
    ['refuse/nbf-as-text', 'refuse/nbf-ten-minutes-ahead'],
  ],
  [
    'RFC 8259, 6: a parser may limit the range of numbers. If a number becomes infinite, comparisons with it are useless',
    ['refuse/exp-is-1e999', 'refuse/iat-is-1e999'],
  ],
  [
    `RFC 7519, 4.1.7: jti is a string. ${noCheck}. If an application treats all tokens with an empty or wrong jti as copies of one token, it loses logouts`,
    ['refuse/an-empty-jti', 'refuse/jti-as-a-number'],
  ],
  [
    `BCL 2.4: the value of the logout event is a JSON object. ${noCheck}`,
    ['refuse/the-event-null', 'refuse/the-event-a-list', 'refuse/the-event-true', 'refuse/the-event-text'],
  ],
  [
    'BCL 2.6, step 5: the token contains a sub, a sid or both. The values null name no user and no session',
    ['refuse/sub-and-sid-null'],
  ],
  [
    `BCL 2.4 and Core 2: sub and sid are strings. ${noCheck}. Another value can match the wrong session`,
    [
      'refuse/an-empty-sub',
      'refuse/sub-as-a-number',
      'refuse/an-empty-sid',
      'refuse/sid-as-a-number',
      'refuse/sid-as-an-object',
    ],
  ],
  [
    'BCL 2.6, step 5: the token has a sub, a sid or both. No standard says that null means the same as no claim, but some libraries write null for a claim without a value',
    ['accept/sub-null-beside-a-sid', 'accept/sid-null-beside-a-sub'],
  ],
  [
    'BCL 2.4 recommends the typ logout+jwt. BCL 4.1: a client may require this typ, but this would break most existing deployments',
    ['accept/no-typ', 'accept/typ-JWT'],
  ],
  [
    'RFC 7515, 4.1.9: typ is a media type, so its case does not matter, and application/ is optional',
    ['accept/typ-with-application-in-capitals'],
  ],
  [
    'RFC 7515, 4.1.2 and 4.1.7: jku and x5t are optional. Core 3.1.3.7, step 6: the keys are those of the issuer',
    ['accept/key-hints-in-the-header-that-are-ignored'],
  ],
  ['BCL 2.4: the value of the event is a JSON object, and should be empty', ['accept/an-event-with-members']],
  [
    'Core 2: aud is a list in the general case, and one string in the special case of one audience',
    ['accept/aud-as-a-list'],
  ],
  ['RFC 7519, 2: a NumericDate may have fractions of a second', ['accept/fractions-of-a-second']],
  [
    'No standard says that the clocks of the provider and the application agree. RFC 7519, 4.1.4 and 4.1.5: a leeway is allowed, and none is required',
    ['accept/clocks-ten-seconds-apart', 'accept/not-before-ten-seconds-from-now'],
  ],
  [
    'BCL 2.6, steps 9 to 11: an application may check that it knows the user or the session. But the provider does not know which sessions the application still has',
    ['accept/a-session-that-it-does-not-know'],
  ],
  ['BCL 2.6: a token that passes all steps is a logout', ['accept/sub-and-sid']],
]

/**
 * Returns the rule behind a case.
 *
 * @throws {Error} if the requirement has no reference yet.
 */
export function referenceFor(requirement: string, id?: string): string {
  const own = id === undefined ? undefined : rulesOfCases.find(([, ids]) => ids.includes(id))?.[0]
  const reference = own ?? references[requirement]
  if (reference === undefined) throw new Error(`no reference for ${requirement}`)
  return reference
}

/** The ids of the cases with a rule of their own. */
export const idsWithOwnRule: readonly string[] = rulesOfCases.flatMap(([, ids]) => ids)
