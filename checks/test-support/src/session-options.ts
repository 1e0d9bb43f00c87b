/** Wrong options of `activeSession`, each with the message of its `TypeError`. */
export const wrongSessionOptions: readonly [message: string, options: object | undefined][] = [
  [
    'onLogedOut is not an option. The options are: session, onLoggedOut, onUnavailable',
    { session: () => null, onLogedOut: () => {} },
  ],
  ['session must be a function', {}],
  ['session must be a function', undefined],
  ['session must be a function', { session: { iss: 'https://op.example', sub: 'alice', iat: 1 } }],
  ['onUnavailable must be a function', { session: () => null, onUnavailable: true }],
]
