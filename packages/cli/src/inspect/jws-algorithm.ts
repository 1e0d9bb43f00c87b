/** Tells whether `@bcl/core` can verify with the JWS algorithm of this name. */
export const isAlgorithm = (name: unknown): name is string =>
  typeof name === 'string' && /^(?:[RPEH]S(?:256|384|512)|EdDSA|Ed25519|ML-DSA-(?:44|65|87))$/.test(name)
