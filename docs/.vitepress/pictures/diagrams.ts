import { drawSequence } from './sequence.ts'

const [browser, app, store, provider] = ['Browser', 'Application', 'Store', 'OpenID Provider'] as const

const backchannelFlow = drawSequence({
  title: 'A back-channel logout, from the sign-in to the refused request',
  description:
    'The user signs in, and the application keeps four claims of the ID Token in the session. Later the session ends at the ' +
    'provider. The provider posts a Logout Token to the application. The application verifies the token, writes a marker to ' +
    'the store, and answers 200. When the browser sends its old cookie, the application finds the marker and refuses the request.',
  parts: [browser, app, store, provider],
  steps: [
    { heading: 'The user signs in' },
    { from: provider, to: app, text: 'ID Token: iss, sub, sid, iat' },
    { from: app, to: browser, text: 'session with these claims' },
    { heading: 'Later, the session ends at the provider' },
    { from: provider, to: app, text: 'POST /backchannel-logout: Logout Token' },
    { at: app, text: 'verifies the token' },
    { from: app, to: store, text: 'writes a marker' },
    { from: app, to: provider, text: '200', kind: 'good' },
    { heading: 'The browser still has its cookie' },
    { from: browser, to: app, text: 'GET /account' },
    { from: app, to: store, text: 'reads the markers' },
    { from: app, to: browser, text: '401: signed out', kind: 'bad' },
  ],
})

const [live, one, other] = ['Open page', 'Instance A', 'Instance B'] as const

const twoInstances = drawSequence({
  title: 'Two instances with a shared store',
  description:
    'An open page listens to instance B. The provider posts a Logout Token to instance A, which writes a marker to the store. The ' +
    'store tells instance B to look again. Instance B reads the marker and tells the open page that its session has ended. A later ' +
    'request to instance B is refused, because instance B reads the same store.',
  parts: [live, other, store, one, provider],
  steps: [
    { from: live, to: other, text: 'listens' },
    { from: provider, to: one, text: 'Logout Token' },
    { from: one, to: store, text: 'writes a marker' },
    { from: store, to: other, text: 'look again' },
    { from: one, to: provider, text: '200', kind: 'good' },
    { from: other, to: store, text: 'reads the markers' },
    { from: other, to: live, text: 'signed out', kind: 'bad' },
    { from: live, to: other, text: 'next request' },
    { from: other, to: store, text: 'reads the markers' },
    { from: other, to: live, text: '401', kind: 'bad' },
  ],
})

const storeDown = drawSequence({
  title: 'What happens when the store is down',
  description:
    'The provider posts a Logout Token while the store does not answer. The application tries to write the marker for 1.5 seconds at ' +
    'most, keeps it in its process, and answers 400 or 503. A request with the signed-out session is refused with 401, because the marker ' +
    'in the process counts. Other requests with a session get 503, because nobody can say whether the session lives. When the store ' +
    'is back, the application writes the marker, and checks work again.',
  parts: [browser, app, store, provider],
  steps: [
    { from: provider, to: app, text: 'Logout Token' },
    { from: app, to: store, text: 'no answer, for 1.5 s at most', kind: 'bad' },
    { at: app, text: 'keeps the marker in the process' },
    { from: app, to: provider, text: '400, or 503 if you choose it', kind: 'bad' },
    { from: browser, to: app, text: 'the signed-out session' },
    { from: app, to: browser, text: '401: the marker counts here', kind: 'bad' },
    { from: browser, to: app, text: 'another session' },
    { from: app, to: browser, text: '503: nobody can say', kind: 'bad' },
    { heading: 'The store is back' },
    { from: app, to: store, text: 'writes the marker', kind: 'good' },
    { from: browser, to: app, text: 'another session' },
    { from: app, to: browser, text: '200', kind: 'good' },
  ],
})

/** The diagrams by the names of their files in docs/images. */
export const diagrams: Record<string, string> = {
  'back-channel-flow.svg': backchannelFlow,
  'two-instances.svg': twoInstances,
  'store-down.svg': storeDown,
}
