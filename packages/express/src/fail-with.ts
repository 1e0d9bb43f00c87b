import type { NextFunction } from 'express'

/**
 * Passes an error to Express. Express reads `next()` with undefined, null, 0, an empty text, `'route'` or `'router'` as "go on", and
 * would then answer with the page. So a value that is no object becomes the cause of an error.
 */
export const failWith = (next: NextFunction, error: unknown): void =>
  next(Object(error) === error ? error : new Error('a function failed without an error', { cause: error }))
