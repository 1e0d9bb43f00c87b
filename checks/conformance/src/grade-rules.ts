import type { ConformanceCase, ConformanceGrade } from '@bcl/testing'

/** One rule, the cases about this rule, and the reason for their grade. */
export interface GradeRule {
  what: string
  grade: ConformanceGrade
  section: string
  /** A short quotation from the standard. If no standard has the rule, our own reason for the rule. */
  words: string
  /** The ids of the cases. An id that ends with `*` means all cases whose ids begin with the text before the `*`. */
  cases: readonly string[]
}

const oidf = 'oidcc-client-test-rp-backchannel-rpinitlogout'

export const gradeRules: readonly GradeRule[] = [
  {
    what: 'a form with one `logout_token`; other parameters are ignored',
    grade: 'MUST',
    section: 'BCL 2.5',
    words: '"Values that are not understood by the implementation MUST be ignored."',
    cases: ['request/a-form-with-one-Logout-Token', 'request/a-percent-encoded-token', 'request/further-parameters'],
  },
  {
    what: 'a request without a token is answered 400',
    grade: 'MUST',
    section: 'BCL 2.8',
    words: '"If the logout request was invalid or the logout failed, the RP MUST respond with HTTP 400 Bad Request."',
    cases: ['request/an-empty-body', 'request/no-token', 'request/an-empty-token', 'refuse/empty-text'],
  },
  {
    what: 'two tokens, other names of the parameter, other formats and other places for the token, methods other than POST, and bodies that cannot be read',
    grade: 'hardening',
    section: 'BCL 2.5',
    words:
      'The section describes the request of a provider. It does not say what an endpoint does with other requests. A refusal is safe.',
    cases: [
      'request/two-tokens',
      'request/two-tokens-the-wrong-one-first',
      'request/the-same-token-twice',
      'request/brackets-*',
      'request/a-key-after-*',
      'request/the-name-in-capitals-*',
      'request/another-name-*',
      'request/a-token-only-in-*',
      'request/JSON',
      'request/JSON-that-is-broken',
      'request/multipart',
      'request/text',
      'request/a-token-for-its-body',
      'request/an-unknown-charset-of-nothing',
      'request/GET',
      'request/PUT',
      'request/DELETE',
      'request/PATCH',
    ],
  },
  {
    what: 'a media type in capital letters or with a charset; a query string; an `Origin` and a cookie',
    grade: 'interoperability',
    section: 'BCL 2.2 and 2.5; RFC 9110, 8.3.1',
    words: 'The standards allow them. "The type and subtype tokens are case-insensitive."',
    cases: ['request/a-media-type-*', 'request/a-query-string', 'request/a-foreign-Origin-and-a-cookie'],
  },
  {
    what: 'limits for tokens and bodies',
    grade: 'hardening',
    section: 'RFC 9110, 15.5.14',
    words:
      'No standard sets a limit. The section has a status for content that is "larger than the server is willing or able to process".',
    cases: ['request/a-token-over-16-KiB', 'request/a-body-over-a-mebibyte', 'refuse/more-than-16-KiB'],
  },
  {
    what: 'a valid token is a logout, and a list of one audience is an audience',
    grade: 'MUST',
    section: 'BCL 2.6; Core 2',
    words:
      'After the validation steps: "proceed to perform the logout actions". The `aud` is a list in the general case.',
    cases: ['accept/sub-and-sid', 'accept/sid-alone', 'accept/sub-alone', 'accept/aud-as-a-list'],
  },
  {
    what: 'claims that are not understood',
    grade: 'MUST',
    section: 'BCL 2.4',
    words: '"Any Claims used that are not understood MUST be ignored."',
    cases: ['accept/claims-*'],
  },
  {
    what: 'a logout is answered 200',
    grade: 'MUST',
    section: 'BCL 2.8',
    words:
      '"If the logout succeeded, the RP MUST respond with HTTP 200 OK." The section adds that some frameworks send 204 instead, and that providers should accept 204. With `--accept-204`, the case accepts 204, too.',
    cases: [oidf, 'answer/success-is-200'],
  },
  {
    what: '`Cache-Control: no-store`',
    grade: 'SHOULD',
    section: 'BCL 2.8',
    words: 'The section says SHOULD, not MUST.',
    cases: ['answer/success-is-not-stored', 'answer/refusal-is-not-stored'],
  },
  {
    what: '`Allow` in an answer 405',
    grade: 'MUST',
    section: 'RFC 9110, 15.5.6',
    words:
      '"The origin server MUST generate an Allow header field in a 405 response". An answer with another status passes.',
    cases: ['answer/allow'],
  },
  {
    what: 'an answer that repeats no claim of the token',
    grade: 'hardening',
    section: 'BCL 2.8',
    words:
      'The section does not say that the answer to a successful logout has no body, so it may have one. The log of a proxy can keep claims that an answer repeats.',
    cases: ['answer/success-repeats-nothing', 'answer/refusal-repeats-nothing'],
  },
  {
    what: 'the reason of a refusal; no redirect; an answer within 2.5 s',
    grade: 'interoperability',
    section: 'BCL 2.8; RFC 6749, 5.2',
    words:
      'A refusal MAY have a JSON object with `error`. A refusal without a body passes. No section sets a time limit. Other cases check that the status of a refusal is 400.',
    cases: ['answer/refusal-says-why', 'answer/no-redirect', 'answer/in-time'],
  },
  {
    what: 'the signature, `alg` and the key',
    grade: 'MUST',
    section: 'BCL 2.6, steps 2 and 3; Core 3.1.3.7, step 6; RFC 8725, 3.1',
    words:
      '"Validate the Logout Token signature in the same way that an ID Token signature is validated". The algorithm is the one that is registered as `id_token_signed_response_alg`, and never `none`. "The Client MUST use the keys provided by the Issuer." "Each key MUST be used with exactly one algorithm".',
    cases: [
      `${oidf}-alg-none`,
      `${oidf}-wrong-alg`,
      'request/a-token-signed-by-nobody',
      'refuse/a-changed-payload',
      'refuse/another-signature',
      'refuse/an-empty-signature',
      'refuse/a-key-of-somebody-else-under-a-known-kid',
      'refuse/the-key-in-the-header*',
      'refuse/a-good-signature-under-PS256-which-is-not-registered',
      'refuse/the-public-key-as-the-secret-of-HS256',
      'refuse/the-client-secret-*',
      'refuse/alg-*',
      'refuse/no-alg',
      'session/a-refused-token-ends-nothing',
    ],
  },
  {
    what: 'the form of the token: three parts in base64url, JSON objects in UTF-8',
    grade: 'MUST',
    section: 'RFC 7515, 5.2; RFC 7519, 7.2; RFC 4648, 3.3',
    words:
      '"Base64url-decode the encoded representation of the JWS Signature, following the restriction that no line breaks, whitespace, or other additional characters have been used." The header is "a UTF-8-encoded representation of a completely valid JSON object". If a step fails, the token "MUST be rejected".',
    cases: [
      'refuse/two-parts',
      'refuse/four-parts',
      'refuse/five-parts-encrypted-for-nobody',
      'refuse/six-parts',
      'refuse/a-space-inside-the-signature',
      'refuse/padding',
      'refuse/plus-and-slash-for-minus-and-underscore',
      'refuse/a-character-too-many',
      'refuse/a-header-*',
      'refuse/a-payload-*',
    ],
  },
  {
    what: 'white space around the token; spare bits that are not zero',
    grade: 'hardening',
    section: 'RFC 7515, 5.2; RFC 4648, 3.5',
    words:
      'An application may remove white space around a parameter before it reads the token. A decoder "MAY choose to reject" spare bits that are not zero.',
    cases: [
      'request/a-token-with-a-space-before-it',
      'refuse/a-line-feed-at-the-end',
      'refuse/spare-bits-in-the-signature',
    ],
  },
  {
    what: 'a critical header parameter that is unknown',
    grade: 'MUST',
    section: 'RFC 7515, 4.1.11',
    words:
      'A JWS with an unknown critical extension is invalid. Other unknown header parameters "MUST be ignored" (RFC 7515, 4).',
    cases: ['refuse/a-critical-extension'],
  },
  {
    what: 'an empty `crit`',
    grade: 'hardening',
    section: 'RFC 7515, 4.1.11',
    words: '"Recipients MAY consider the JWS to be invalid" if a rule for `crit` is violated.',
    cases: ['refuse/an-empty-crit'],
  },
  {
    what: 'a valid signature under a `kid` that is not published',
    grade: 'hardening',
    section: 'RFC 7515, 4.1.4',
    words:
      'The `kid` is only a hint. If a receiver tries its other keys, it still accepts only tokens that the provider has signed.',
    cases: ['refuse/an-unknown-kid'],
  },
  {
    what: '`iss` and `aud`',
    grade: 'MUST',
    section: 'BCL 2.6, step 4; Core 3.1.3.7, steps 2 and 3',
    words:
      'The claims are validated "in the same way they are validated in ID Tokens". The issuer "MUST exactly match", and a token that does not list the client "MUST be rejected".',
    cases: [
      `${oidf}-wrong-aud`,
      `${oidf}-wrong-iss`,
      'refuse/no-iss',
      'refuse/iss-*',
      'refuse/no-aud',
      'refuse/aud-*',
      'refuse/an-empty-list-as-aud',
    ],
  },
  {
    what: 'other audiences, and `azp`',
    grade: 'hardening',
    section: 'Core 3.1.3.7, steps 3 to 5',
    words:
      'A token is refused for "additional audiences not trusted by the Client". Each client decides which audiences it trusts.',
    cases: ['refuse/a-further-audience*', 'refuse/azp-*'],
  },
  {
    what: '`iat`, `exp` and `jti` that are missing or `null`',
    grade: 'MUST',
    section: 'BCL 2.4',
    words:
      'All three claims are "REQUIRED", so all three have the same grade. A claim that is null has no value of the required type. Of the steps in BCL 2.6, one needs `exp`, and none needs the other two.',
    cases: ['refuse/no-iat', 'refuse/iat-null', 'refuse/no-exp', 'refuse/exp-null', 'refuse/no-jti', 'refuse/jti-null'],
  },
  {
    what: 'an `iat` or `exp` that is text; an `exp` that passed ten minutes ago',
    grade: 'MUST',
    section: 'RFC 7519, 4.1.4 and 4.1.6; Core 3.1.3.7, step 9',
    words:
      '"Its value MUST be a number". The current time must be before `exp`. A leeway is "usually no more than a few minutes".',
    cases: ['refuse/iat-as-text', 'refuse/exp-as-text', 'refuse/exp-ten-minutes-ago'],
  },
  {
    what: '`nbf`; an `iat` in the future; infinite times',
    grade: 'hardening',
    section: 'RFC 7519, 4.1.5; Core 3.1.3.7, step 10; RFC 8259, 6',
    words:
      'BCL does not mention `nbf`, and RFC 7519 calls its use OPTIONAL. An `iat` "can be used" to refuse a token, and "the acceptable range is Client specific".',
    cases: [
      'refuse/nbf-as-text',
      'refuse/nbf-ten-minutes-ahead',
      'refuse/iat-ten-minutes-ahead',
      'refuse/exp-is-1e999',
      'refuse/iat-is-1e999',
    ],
  },
  {
    what: 'clocks that are ten seconds apart',
    grade: 'interoperability',
    section: 'RFC 7519, 4.1.4 and 4.1.5',
    words: '"Implementers MAY provide for some small leeway". So an application may also refuse such a token.',
    cases: ['accept/clocks-ten-seconds-apart', 'accept/not-before-ten-seconds-from-now'],
  },
  {
    what: '`events` with the logout event',
    grade: 'MUST',
    section: 'BCL 2.6, step 6',
    words:
      '"Verify that the Logout Token contains an events Claim whose value is JSON object containing the member name http://schemas.openid.net/event/backchannel-logout."',
    cases: [
      `${oidf}-no-event`,
      `${oidf}-wrong-event`,
      'refuse/no-events',
      'refuse/events-*',
      'refuse/event-for-events-*',
    ],
  },
  {
    what: 'a logout event that is not an object',
    grade: 'hardening',
    section: 'BCL 2.4',
    words:
      'The provider must send an object: "The corresponding member value MUST be a JSON object". BCL 2.6 does not ask the application to check this value.',
    cases: ['refuse/the-event-*'],
  },
  {
    what: '`nonce`',
    grade: 'MUST',
    section: 'BCL 2.6, step 7',
    words: '"Verify that the Logout Token does not contain a nonce Claim." A `nonce` that is null is a claim, too.',
    cases: [`${oidf}-with-nonce`, 'refuse/a-nonce', 'refuse/nonce-null', 'refuse/an-empty-nonce'],
  },
  {
    what: 'a token with neither `sub` nor `sid`',
    grade: 'MUST',
    section: 'BCL 2.6, step 5',
    words: '"Verify that the Logout Token contains a sub Claim, a sid Claim, or both."',
    cases: ['refuse/neither-sub-nor-sid'],
  },
  {
    what: '`sub`, `sid` or `jti` that is empty or not text; `sub` and `sid` that are both `null`',
    grade: 'hardening',
    section: 'BCL 2.4; Core 2; RFC 7519, 4.1.7',
    words:
      'The provider must send text. BCL 2.6 asks only whether the token "contains" a `sub` or `sid`, and not for these checks.',
    cases: [
      'refuse/an-empty-sub',
      'refuse/sub-*',
      'refuse/an-empty-sid',
      'refuse/sid-*',
      'refuse/an-empty-jti',
      'refuse/jti-as-a-number',
    ],
  },
  {
    what: 'a `sub` or `sid` that is `null` beside the other claim',
    grade: 'interoperability',
    section: 'BCL 2.4',
    words:
      'A claim that is null is not the same as no claim. No standard says what it means. Some libraries write null for a missing value.',
    cases: ['accept/sub-null-beside-a-sid', 'accept/sid-null-beside-a-sub'],
  },
  {
    what: 'another `typ`',
    grade: 'hardening',
    section: 'RFC 8725, 3.11; BCL 2.4',
    words:
      'BCL recommends the type `logout+jwt`, and does not require it. A token with the `typ` of another kind of token is not a Logout Token.',
    cases: ['refuse/typ-*', 'refuse/an-empty-typ'],
  },
  {
    what: 'a token without `typ`, or with `JWT`',
    grade: 'interoperability',
    section: 'BCL 2.4 and 4.1',
    words:
      'An application may require `logout+jwt`, but many providers send another `typ` or none. The first module of the OpenID Foundation sends no `typ` either, and is a MUST.',
    cases: ['accept/no-typ', 'accept/typ-*'],
  },
  {
    what: 'a token without `kid`; `jku` and `x5t` in the header; `azp`; other events; a `sid` with punctuation; fractions of a second',
    grade: 'interoperability',
    section: 'BCL 2.4; RFC 7515, 4.1; RFC 7519, 2; Core 10.1',
    words:
      'The standards allow them. One exception is a token without `kid`: Core 10.1 requires a `kid` if a provider has several keys.',
    cases: [
      'accept/no-kid',
      'accept/key-hints-*',
      'accept/azp-of-this-client',
      'accept/a-further-event',
      'accept/an-event-with-members',
      'accept/a-sid-of-punctuation',
      'accept/fractions-of-a-second',
    ],
  },
  {
    what: 'the tokens of known providers',
    grade: 'interoperability',
    section: 'BCL 2.4',
    words: 'The standard allows them, and known providers send them.',
    cases: ['provider/*'],
  },
  {
    what: 'a token with `sub` alone ends all sessions of the user; two logouts end two sessions',
    grade: 'MUST',
    section: 'BCL 2.4 and 2.7',
    words:
      'A token without `sid` is about "all sessions at the RP for the End-User identified by the iss and sub Claims". The client is registered without `backchannel_logout_session_required`. If a client requires a `sid`, use `--require-sid`.',
    cases: ['session/a-sub-ends-all-sessions-of-the-user', 'session/two-logouts-*'],
  },
  {
    what: 'a logout ends no session of another user',
    grade: 'MUST',
    section: 'BCL 2.7',
    words:
      '"the RP locates the session(s) identified by the iss and sub Claims and/or the sid Claim". A session of another user is none of them.',
    cases: [
      'session/a-sid-ends-the-sessions-of-nobody-else',
      'session/a-sub-ends-the-sessions-of-nobody-else',
      'session/a-sub-is-no-sid',
    ],
  },
  {
    what: 'a token with `sid` ends no other session of the user',
    grade: 'interoperability',
    section: 'BCL 2.7',
    words:
      '"the session(s) identified by the iss and sub Claims and/or the sid Claim". These words allow more than one session. Every provider expects that only one session ends.',
    cases: ['session/a-sid-ends-no-other-session'],
  },
  {
    what: 'a session whose `sid` the application does not know; a token with another `sub`',
    grade: 'interoperability',
    section: 'BCL 2.6, steps 10 and 11; BCL 2.7',
    words: 'An application may compare `sub` and `sid` with an ID Token. Known providers send such tokens.',
    cases: ['session/a-session-without-a-known-sid-ends-by-its-sub', 'session/a-sid-decides-where-the-sub-is-another'],
  },
  {
    what: 'the logout of a user who is already logged out succeeds',
    grade: 'MUST',
    section: 'BCL 2.7',
    words:
      '"If the identified End-User is already logged out at the RP when the logout request is received, the logout is considered to have succeeded."',
    cases: ['session/a-session-that-has-ended-may-be-logged-out-again'],
  },
  {
    what: 'the logout of a session that the application never had; the same token again',
    grade: 'interoperability',
    section: 'BCL 2.6, steps 8 to 11',
    words:
      'The steps "optionally" refuse such tokens. If an endpoint refuses such a token, the provider reports a failed logout, although no session is live.',
    cases: ['accept/a-session-that-it-does-not-know', 'accept/the-same-token-*'],
  },
  {
    what: 'a new sign-in after a logout; a `sid` or `jti` that is used again',
    grade: 'interoperability',
    section: 'BCL 2.4 and 2.7',
    words:
      'No standard mentions them. A user must be able to sign in again, and known providers reuse a `sid` or a `jti`.',
    cases: [
      'session/a-user-can-sign-in-again*',
      'session/a-sid-may-be-used-again',
      'session/a-jti-may-be-used-again-by-a-later-logout',
    ],
  },
  {
    what: 'old cookies, late logouts, repeated tokens, and a `jti` that was in a refused token',
    grade: 'hardening',
    section: 'BCL 2.7 and 2.6, step 8',
    words:
      'No standard mentions the order of logouts and sign-ins. If an endpoint breaks these rules, it loses a logout or ends a newer session.',
    cases: [
      'session/an-old-cookie-stays-dead',
      'session/a-logout-counts-that-comes-before-its-sign-in-has-finished',
      'session/a-late-logout-does-not-end-a-newer-session',
      'session/a-token-that-comes-again-does-not-end-a-newer-session',
      'accept/a-jti-*',
    ],
  },
  {
    what: 'a key that the provider has just published',
    grade: 'hardening',
    section: 'Core 10.1.1',
    words:
      'The case measures the time until an application fetches the keys again. No standard limits this time. A logout in this time is lost.',
    cases: ['accept/a-key-published-just-now'],
  },
]

const covers = (pattern: string, id: string): boolean =>
  pattern.endsWith('*') ? id.startsWith(pattern.slice(0, -1)) : id === pattern

/** Lists each case that has no rule, several rules, or a rule with another grade. Also lists the patterns that match no case. */
export function rulesThatDoNotFit(cases: readonly ConformanceCase[]): string[] {
  const wrong = cases.flatMap(({ id, grade }) => {
    const rules = gradeRules.filter((rule) => rule.cases.some((pattern) => covers(pattern, id)))
    return rules.length === 1 && rules[0]!.grade === grade ? [] : [`${id} (${grade}): ${rules.length} rules`]
  })
  const patterns = gradeRules.flatMap((rule) => rule.cases)
  const unused = patterns.filter((pattern) => !cases.some(({ id }) => covers(pattern, id)))
  return [...wrong, ...unused.map((pattern) => `${pattern} is no case`)]
}
