import { noStore, withStatus, type Faults } from './fault-tools.ts'
import { claimsOf } from './reissue.ts'

/** The cases that expect 400 for a bad signature. */
const badSignatures = [
  'oidcc-client-test-rp-backchannel-rpinitlogout-alg-none',
  'oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg',
  'request/a-token-signed-by-nobody',
  'refuse/a-changed-payload',
  'refuse/another-signature',
  'refuse/an-empty-signature',
  'refuse/a-key-of-somebody-else-under-a-known-kid',
  'refuse/an-unknown-kid',
  'refuse/the-key-in-the-header-under-a-known-kid',
  // refuse/the-key-in-the-header is left out. It has an unknown kid and gets an outage, because no permit for a fetch is left.
  'refuse/a-good-signature-under-PS256-which-is-not-registered',
  'refuse/the-public-key-as-the-secret-of-HS256',
  'refuse/the-client-secret-as-the-key-of-HS256-which-is-not-registered',
  /^refuse\/alg-/,
  'refuse/no-alg',
]

/** The cases that expect 400 for a malformed request. */
const badRequests = [
  'request/an-empty-body',
  'request/no-token',
  'request/an-empty-token',
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
  'refuse/empty-text',
]

/** The cases that expect 400 for a malformed token. */
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
  'refuse/typ-of-an-access-token',
  'refuse/typ-of-a-security-event',
  'refuse/an-empty-typ',
  'refuse/typ-null',
]

/** Answers with another status if a token is refused with the given error code. */
const answering = (status: number, wanted: string) => ({
  answer: (response: Response, code: string | undefined) =>
    response.status === 400 && code === wanted ? withStatus(response, status) : response,
})

/** Faults in the answers. */
export const answerFaults: Faults = {
  'answers 204 to a successful logout': {
    fault: () => ({ answer: (response) => (response.status === 200 ? withStatus(response, 204) : response) }),
    failing: ['oidcc-client-test-rp-backchannel-rpinitlogout', 'answer/success-is-200'],
  },
  'answers 500 to a bad signature': {
    fault: () => answering(500, 'ERR_LOGOUT_TOKEN_SIGNATURE'),
    failing: badSignatures,
  },
  'answers 401 to a bad signature': {
    fault: () => answering(401, 'ERR_LOGOUT_TOKEN_SIGNATURE'),
    failing: badSignatures,
  },
  'answers 500 to a malformed token': {
    fault: () => answering(500, 'ERR_LOGOUT_TOKEN_INVALID'),
    failing: badForms,
  },
  'answers 500 to a malformed request': {
    fault: () => answering(500, 'ERR_LOGOUT_REQUEST_INVALID'),
    failing: badRequests,
  },
  'redirects every request to a login': {
    fault: () => ({
      request: () => new Response(null, { status: 302, headers: { location: '/login', ...noStore } }),
    }),
    failing: [
      /^(?:oidcc|request|accept|refuse|provider)/,
      'answer/success-is-200',
      'answer/no-redirect',
      /^session\/(?:a-sub-ends-all|two-logouts|a-logout-counts|a-sid-decides|a-session-without)/,
    ],
    skipped: [/^session\/(?!(?:a-sub-ends-all|two-logouts|a-logout-counts|a-sid-decides|a-session-without))/],
  },
  'redirects to a page instead of refusing': {
    fault: () => ({
      answer: (response) =>
        response.status === 400
          ? new Response(null, { status: 303, headers: { location: '/error', ...noStore } })
          : response,
    }),
    failing: [
      /^oidcc-client-test-rp-backchannel-rpinitlogout-/,
      ...badRequests,
      'request/a-token-with-a-space-before-it',
      'request/a-token-signed-by-nobody',
      'request/a-token-over-16-KiB',
      /^refuse/,
      'answer/no-redirect',
    ],
  },
  'gives the reason of a refusal as text': {
    fault: () => ({
      answer: (response) => (response.status === 400 ? withStatus(response, 400, 'Invalid Logout Token') : response),
    }),
    failing: ['answer/refusal-says-why'],
  },
  'gives an error with a character that is not allowed': {
    fault: () => ({
      answer: (response) =>
        response.status === 400 ? Response.json({ error: 'ungültig' }, { status: 400, headers: noStore }) : response,
    }),
    failing: ['answer/refusal-says-why'],
  },
  'gives an error_description with a character that is not allowed': {
    fault: () => ({
      answer: (response) =>
        response.status === 400
          ? Response.json(
              { error: 'invalid_request', error_description: 'a "nonce"' },
              { status: 400, headers: noStore },
            )
          : response,
    }),
    failing: ['answer/refusal-says-why'],
  },
  'repeats a claim in a refusal': {
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
    failing: ['answer/refusal-repeats-nothing'],
  },
  'lets caches store its answers': {
    fault: () => ({
      answer: ({ status, body, headers }) => {
        const otherHeaders = new Headers(headers)
        otherHeaders.delete('cache-control')
        return new Response(body, { status, headers: otherHeaders })
      },
    }),
    failing: [/^answer\/.*-is-not-stored$/],
  },
  'names the user in the answer to a successful logout': {
    fault() {
      let sub: unknown
      return {
        async receive(token, tools) {
          sub = (await claimsOf(token, tools))?.['sub']
          return token
        },
        answer: (response) => (response.status === 200 ? withStatus(response, 200, `${sub} is logged out`) : response),
      }
    },
    failing: ['answer/success-repeats-nothing'],
  },
  'answers 405 without Allow': {
    fault: () => ({
      answer: (response) => (response.status === 405 ? withStatus(response, 405) : response),
    }),
    failing: ['answer/allow'],
  },
  'answers GET with a page': {
    fault: () => ({
      request: (request) => (request.method === 'GET' ? new Response('<!doctype html>') : request),
    }),
    failing: ['request/GET'],
  },
}
