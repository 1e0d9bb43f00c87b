/** An answer that is there at once, or that a promise brings. */
export type Maybe<T> = T | Promise<T>

export const isPromise = <T>(answer: Maybe<T>): answer is Promise<T> =>
  typeof (answer as Partial<Promise<T>> | undefined)?.then === 'function'

/** Continues with an answer. Makes a promise only if the answer comes with one. */
export const chain = <T, R>(answer: Maybe<T>, work: (value: T) => R): Maybe<R> =>
  isPromise(answer) ? answer.then(work) : work(answer)

/** Waits for answers. Returns a promise only if one of them is a promise. */
export const all = (answers: readonly unknown[]): unknown =>
  answers.some(isPromise) ? Promise.all(answers) : undefined
