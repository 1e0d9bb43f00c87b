import { claimsOf } from './reissue.ts'
import { noStore, status, type Faults } from './fault.ts'

/** What is found by each case that has a token refused by its signature. */
const badSignatures = [
  'oidcc-client-test-rp-backchannel-rpinitlogout-alg-none',
  'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg',
  'request/a-token-signed-by-nobody',
  'refuse/a-changed-payload',
  'refuse/another-signature',
  'refuse/an-empty-signature',
  'refuse/a-key-of-somebody-else-under-a-known-kid',
  'refuse/an-unknown-kid',
  // Not the key in the header: on a clock that stands still there are no more fetches for a kid that is unknown.
  'refuse/a-good-signature-under-PS256-which-is-not-registered',
  'refuse/the-public-key-as-the-secret-of-HS256',
  'refuse/the-client-secret-as-the-key-of-HS256-which-is-not-registered',
  /^refuse\/alg-/,
  'refuse/no-alg',
]

/** What is found by each case that has a request refused before there is a token. */
const badRequests = [
  'request/an-empty-body',
  'request/no-token',
  'request/an-empty-token',
  'request/two-tokens',
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
  'refuse/empty-text',
]

/** What is found by each case that has a token refused by its form. */
const badForms = [
  'request/a-token-with-a-space-before-it',
  'request/a-token-over-16-KiB',
  /^refuse\/(?:two|four|five|six)-parts/,
  'refuse/a-line-feed-at-the-end',
  'refuse/a-space-inside-the-signature',
  'refuse/padding',
  'refuse/plus-and-slash-for-minus-and-underscore',
  'refuse/spare-bits-in-the-signature',
  'refuse/a-character-too-many',
  /^refuse\/a-header-/,
  'refuse/more-than-16-KiB',
  /^refuse\/a-payload-/,
  'refuse/a-critical-extension',
  'refuse/an-empty-crit',
  /^refuse\/b64-/,
  'refuse/a-kid-that-is-a-number',
  'refuse/typ-of-an-access-token',
  'refuse/typ-of-a-security-event',
  'refuse/an-empty-typ',
  'refuse/typ-null',
]

/** Another status for what is refused with a code. */
const answering = (wanted: number, code: string) => ({
  answer: (response: Response, given: string | undefined) =>
    response.status === 400 && given === code ? status(response, wanted) : response,
})

export const answerFaults: Faults = {
  '204 for a success': {
    fault: () => ({ answer: (response) => (response.status === 200 ? status(response, 204) : response) }),
    found: ['oidcc-client-test-rp-backchannel-rpinitlogout', 'answer/success-is-200'],
  },
  '500 on a bad signature': {
    fault: () => answering(500, 'ERR_LOGOUT_TOKEN_SIGNATURE'),
    found: badSignatures,
  },
  '401 on a bad signature': {
    fault: () => answering(401, 'ERR_LOGOUT_TOKEN_SIGNATURE'),
    found: badSignatures,
  },
  '500 on what is no token': {
    fault: () => answering(500, 'ERR_LOGOUT_TOKEN_INVALID'),
    found: badForms,
  },
  '500 on what is no form': {
    fault: () => answering(500, 'ERR_LOGOUT_REQUEST_INVALID'),
    found: badRequests,
  },
  'a login before the endpoint': {
    fault: () => ({
      request: () => new Response(null, { status: 302, headers: { location: '/login', ...noStore } }),
    }),
    found: [
      /^(?:oidcc|request|accept|refuse|provider)/,
      'answer/success-is-200',
      'answer/no-redirect',
      /^session\/(?!a-refused-token-ends-nothing|a-sub-is-no-sid)/,
    ],
  },
  'refusals that lead to a page': {
    fault: () => ({
      answer: (response) =>
        response.status === 400
          ? new Response(null, { status: 303, headers: { location: '/error', ...noStore } })
          : response,
    }),
    found: [
      /^oidcc-client-test-rp-backchannel-rpinitlogout-/,
      ...badRequests,
      'request/a-token-with-a-space-before-it',
      'request/a-token-signed-by-nobody',
      'request/a-token-over-16-KiB',
      /^refuse/,
      'answer/no-redirect',
    ],
  },
  'refusals in words': {
    fault: () => ({
      answer: (response) => (response.status === 400 ? status(response, 400, 'Invalid Logout Token') : response),
    }),
    found: ['answer/refusal-says-why'],
  },
  'refusals that repeat the token': {
    fault: () => ({
      async receive(token, tools) {
        const claims = await claimsOf(token, tools)
        if (claims?.['nonce'] === undefined) return token
        return Response.json(
          { error: 'invalid_request', error_description: `${claims['sub']} has a nonce` },
          { status: 400, headers: noStore },
        )
      },
    }),
    found: ['answer/refusal-repeats-nothing'],
  },
  'answers that may be stored': {
    fault: () => ({
      answer: ({ status: given, body, headers }) => {
        const left = new Headers(headers)
        left.delete('cache-control')
        return new Response(body, { status: given, headers: left })
      },
    }),
    found: [/^answer\/.*-is-not-stored$/],
  },
  'a body on success': {
    fault: () => ({
      answer: (response) => (response.status === 200 ? status(response, 200, '{"ok":true}') : response),
    }),
    found: ['answer/success-is-empty'],
  },
  'a 405 that does not say what is allowed': {
    fault: () => ({
      answer: (response) => (response.status === 405 ? status(response, 405) : response),
    }),
    found: ['answer/allow'],
  },
  'a page for GET': {
    fault: () => ({
      request: (request) => (request.method === 'GET' ? new Response('<!doctype html>') : request),
    }),
    found: ['request/GET'],
  },
}
