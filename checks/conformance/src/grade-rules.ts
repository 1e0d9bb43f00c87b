import type { ConformanceGrade } from '@bcl/testing'

/** The reason for the grade of the cases about one rule. */
export interface GradeRule {
  what: string
  grade: ConformanceGrade
  section: string
  /** A short quotation. If no standard has the rule, our reason. */
  words: string
}

export const gradeRules: readonly GradeRule[] = [
  {
    what: 'a form with one `logout_token`; other parameters are ignored',
    grade: 'MUST',
    section: 'BCL 2.5',
    words: '"Values that are not understood by the implementation MUST be ignored."',
  },
  {
    what: 'a request without a token, or with a bad token, is answered 400',
    grade: 'MUST',
    section: 'BCL 2.8',
    words: '"If the logout request was invalid or the logout failed, the RP MUST respond with HTTP 400 Bad Request."',
  },
  {
    what: 'a logout is answered 200',
    grade: 'MUST',
    section: 'BCL 2.8',
    words:
      '"If the logout succeeded, the RP MUST respond with HTTP 200 OK." The section adds that some frameworks send 204 instead, and that providers should accept 204. With `--accept-204`, the case accepts 204, too.',
  },
  {
    what: '`Cache-Control: no-store`',
    grade: 'SHOULD',
    section: 'BCL 2.8',
    words: 'The section says SHOULD, not MUST.',
  },
  {
    what: 'an answer that repeats no claim of the token',
    grade: 'hardening',
    section: 'BCL 2.8',
    words:
      'The section does not say that the answer to a successful logout has no body, so it may have one. The log of a proxy can keep claims that an answer repeats.',
  },
  {
    what: 'the reason of a refusal',
    grade: 'interoperability',
    section: 'BCL 2.8; RFC 6749, 5.2',
    words: 'A refusal MAY have a JSON object with `error`. A refusal without a body passes. Providers log the reason.',
  },
  {
    what: 'the signature, `alg` and the key',
    grade: 'MUST',
    section: 'BCL 2.6, steps 2 and 3',
    words:
      '"Validate the Logout Token signature in the same way that an ID Token signature is validated". The algorithm is the one that is registered as `id_token_signed_response_alg`, and never `none`.',
  },
  {
    what: 'a critical header parameter that is unknown',
    grade: 'MUST',
    section: 'RFC 7515, 4.1.11',
    words:
      'A JWS with an unknown critical extension is invalid. Other unknown header parameters "MUST be ignored" (RFC 7515, 4).',
  },
  {
    what: 'a good signature under a `kid` that is not published',
    grade: 'hardening',
    section: 'RFC 7515, 4.1.4',
    words:
      'The `kid` is only a hint. If a receiver tries its other keys, it still accepts only tokens that the provider has signed.',
  },
  {
    what: '`iss` and `aud`',
    grade: 'MUST',
    section: 'BCL 2.6, step 4; Core 3.1.3.7, steps 2 and 3',
    words: 'The claims are validated "in the same way they are validated in ID Tokens".',
  },
  {
    what: 'other audiences, and `azp`',
    grade: 'hardening',
    section: 'Core 3.1.3.7, steps 3 to 5',
    words:
      'A token is refused for "additional audiences not trusted by the Client". Each client decides which audiences it trusts.',
  },
  {
    what: '`iat`, `exp` and `jti` that are missing or `null`',
    grade: 'MUST',
    section: 'BCL 2.4',
    words:
      'All three claims are "REQUIRED", so all three have the same grade. Of the steps in BCL 2.6, one needs `exp`, and none needs the other two.',
  },
  {
    what: 'an `iat` or `exp` that is text; an `exp` that has passed',
    grade: 'MUST',
    section: 'RFC 7519, 4.1.4 and 4.1.6; Core 3.1.3.7, step 9',
    words: '"Its value MUST be a number". The current time must be before `exp`.',
  },
  {
    what: '`nbf`; an `iat` in the future; infinite times; a `jti` that is empty or a number',
    grade: 'hardening',
    section: 'RFC 7519, 4.1.5 and 4.1.6',
    words:
      'BCL does not mention `nbf`, and RFC 7519 calls its use OPTIONAL. An `iat` "can be used" to refuse a token (Core 3.1.3.7, step 10).',
  },
  {
    what: '`events` with the logout event',
    grade: 'MUST',
    section: 'BCL 2.6, step 6',
    words:
      '"Verify that the Logout Token contains an events Claim whose value is JSON object containing the member name http://schemas.openid.net/event/backchannel-logout."',
  },
  {
    what: 'a logout event that is not an object',
    grade: 'hardening',
    section: 'BCL 2.4',
    words: 'The value of the event is an object, but BCL 2.6 does not require a check of the value.',
  },
  {
    what: '`nonce`',
    grade: 'MUST',
    section: 'BCL 2.6, step 7',
    words: '"Verify that the Logout Token does not contain a nonce Claim."',
  },
  {
    what: 'a token with neither `sub` nor `sid`',
    grade: 'MUST',
    section: 'BCL 2.6, step 5',
    words: '"Verify that the Logout Token contains a sub Claim, a sid Claim, or both."',
  },
  {
    what: 'another `typ`',
    grade: 'hardening',
    section: 'RFC 8725, 3.11; BCL 2.4',
    words:
      'BCL recommends the type `logout+jwt`, and does not require it. A token with the `typ` of another kind of token is not a Logout Token.',
  },
  {
    what: 'a token with `sub` alone ends all sessions of the user',
    grade: 'MUST',
    section: 'BCL 2.4 and 2.7',
    words:
      'A token without `sid` is about "all sessions at the RP for the End-User identified by the iss and sub Claims". The client is registered without `backchannel_logout_session_required`. If a client requires a `sid`, use `--require-sid`.',
  },
  {
    what: 'a token with `sid` ends no other session of the user',
    grade: 'interoperability',
    section: 'BCL 2.7',
    words:
      '"the session(s) identified by the iss and sub Claims and/or the sid Claim". These words allow more than one session. Every provider expects that only one session ends.',
  },
  {
    what: 'the logout of a user who is already logged out succeeds',
    grade: 'MUST',
    section: 'BCL 2.7',
    words:
      '"If the identified End-User is already logged out at the RP when the logout request is received, the logout is considered to have succeeded."',
  },
  {
    what: 'old cookies, late logouts and repeated tokens',
    grade: 'hardening',
    section: 'BCL 2.7 and 2.6, step 8',
    words:
      'No standard mentions the order of logouts and sign-ins. If an endpoint breaks these rules, it loses a logout or ends a newer session.',
  },
  {
    what: 'a key that the provider has just published',
    grade: 'hardening',
    section: 'Core 10.1.1',
    words:
      'The case measures the time until an application fetches the keys again. No standard limits this time. A logout in this time is lost.',
  },
  {
    what: 'the tokens of known providers, media types in capital letters, and other events',
    grade: 'interoperability',
    section: 'BCL 2.4 and 2.5',
    words: 'The standard allows them, and known providers send them.',
  },
]
