/** A value, or a promise of the value. */
export type Maybe<T> = T | Promise<T>

export const isPromise = <T>(answer: Maybe<T>): answer is Promise<T> =>
  typeof (answer as Partial<Promise<T>> | undefined)?.then === 'function'

/** Calls `work` with the value. Returns a promise only if `answer` is a promise. */
export const chain = <T, R>(answer: Maybe<T>, work: (value: T) => R): Maybe<R> =>
  isPromise(answer) ? answer.then(work) : work(answer)

/** Waits for all answers. Returns a promise only if one of them is a promise. */
export const all = (answers: readonly unknown[]): Promise<unknown> | undefined =>
  answers.some(isPromise) ? Promise.all(answers) : undefined
