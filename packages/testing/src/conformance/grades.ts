import type { ConformanceGrade } from './case.js'

// The grades of the cases that are made from `requestCases`, `rightTokens` and `wrongTokens`. A case without an entry in these
// two lists is a MUST.

const hardening = [
  'request/a-token-with-a-space-before-it',
  'request/two-tokens',
  'request/two-tokens-the-wrong-one-first',
  'request/the-same-token-twice',
  'request/brackets-after-the-name-logout-token',
  'request/a-key-after-the-name-logout-token-a',
  'request/the-name-in-capitals-Logout-Token',
  'request/another-name-logoutToken-WSO2-5-5-to-5-8',
  'request/a-token-only-in-the-query-string',
  'request/a-token-only-in-an-Authorization-header',
  'request/JSON',
  'request/JSON-that-is-broken',
  'request/multipart',
  'request/text',
  'request/a-token-for-its-body',
  'request/an-unknown-charset-of-nothing',
  'request/a-token-over-16-KiB',
  'request/GET',
  'request/PUT',
  'request/DELETE',
  'request/PATCH',
  'request/a-body-over-a-mebibyte',
  // An application may remove white space around a parameter.
  'refuse/a-line-feed-at-the-end',
  'refuse/spare-bits-in-the-signature',
  'refuse/more-than-16-KiB',
  'refuse/an-empty-crit',
  'refuse/typ-of-an-access-token',
  'refuse/typ-of-a-security-event',
  'refuse/an-empty-typ',
  'refuse/typ-null',
  'refuse/azp-of-another-client',
  'refuse/azp-null',
  // Each client decides which audiences it trusts.
  'refuse/a-further-audience',
  'refuse/a-further-audience-that-is-a-number',
  // The kid is only a hint. The signature of this token is good.
  'refuse/an-unknown-kid',
  'refuse/exp-is-1e999',
  'refuse/iat-is-1e999',
  'refuse/nbf-as-text',
  'refuse/nbf-ten-minutes-ahead',
  'refuse/an-empty-jti',
  'refuse/jti-as-a-number',
  'refuse/the-event-null',
  'refuse/the-event-a-list',
  'refuse/the-event-true',
  'refuse/the-event-text',
  'refuse/sub-and-sid-null',
  'refuse/an-empty-sub',
  'refuse/sub-as-a-number',
  'refuse/an-empty-sid',
  'refuse/sid-as-a-number',
  'refuse/sid-as-an-object',
  'refuse/iat-ten-minutes-ahead',
]

const interoperability = [
  'request/a-media-type-with-a-charset',
  'request/a-media-type-in-capitals',
  'request/a-query-string',
  'request/a-foreign-Origin-and-a-cookie',
  'accept/sub-null-beside-a-sid',
  'accept/sid-null-beside-a-sub',
  'accept/azp-of-this-client',
  'accept/no-kid',
  // A client may require a typ (BCL 4.1).
  'accept/no-typ',
  'accept/typ-JWT',
  'accept/typ-with-application-in-capitals',
  'accept/key-hints-in-the-header-that-are-ignored',
  'accept/a-further-event',
  'accept/an-event-with-members',
  'accept/a-sid-of-punctuation',
  'accept/fractions-of-a-second',
  'accept/clocks-ten-seconds-apart',
  'accept/not-before-ten-seconds-from-now',
]

/** The ids of the two lists together. */
export const gradedIds: readonly string[] = [...hardening, ...interoperability]

export function gradeOf(id: string): ConformanceGrade {
  if (hardening.includes(id)) return 'hardening'
  return interoperability.includes(id) ? 'interoperability' : 'MUST'
}
